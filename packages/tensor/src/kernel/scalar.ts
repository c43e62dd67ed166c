/**
 * What each scalar op means: its value on JavaScript numbers. Values are computed in float64 and rounded once to the
 * result's dtype; integers wrap. The reference backend comes here; for constant folding see `exact.ts`.
 */
import type { DType } from '../dtype.js';
import { DTypeError } from '../errors.js';
import { erf } from './erf.js';
import { EXACT, floats, type Meaning, makeCast, meaningFor, roundTo, type ScalarFunction } from './exact.js';
import type { ScalarOp } from './ir.js';
import { threefry2x32 } from './threefry.js';

/** Number of arguments of each op. */
export const SCALAR_ARITY: Readonly<Record<ScalarOp, 1 | 2 | 3 | 4>> = {
  neg: 1,
  abs: 1,
  sign: 1,
  exp: 1,
  log: 1,
  expm1: 1,
  log1p: 1,
  sin: 1,
  cos: 1,
  atan: 1,
  sqrt: 1,
  reciprocal: 1,
  floor: 1,
  ceil: 1,
  round: 1,
  trunc: 1,
  erf: 1,
  tanh: 1,
  sigmoid: 1,
  not: 1,
  cast: 1,
  bitcast: 1,
  add: 2,
  sub: 2,
  mul: 2,
  div: 2,
  rem: 2,
  mod: 2,
  pow: 2,
  max: 2,
  min: 2,
  eq: 2,
  ne: 2,
  lt: 2,
  le: 2,
  and: 2,
  or: 2,
  xor: 2,
  shl: 2,
  shr: 2,
  where: 3,
  randomBits: 4,
};

const MEANINGS: Readonly<Record<Exclude<ScalarOp, 'cast' | 'bitcast'>, Meaning>> = {
  ...EXACT,
  exp: floats((a) => Math.exp(a)),
  log: floats((a) => Math.log(a)),
  expm1: floats((a) => Math.expm1(a)),
  log1p: floats((a) => Math.log1p(a)),
  sin: floats((a) => Math.sin(a)),
  cos: floats((a) => Math.cos(a)),
  atan: floats((a) => Math.atan(a)),
  erf: floats((a) => erf(a)),
  tanh: floats((a) => Math.tanh(a)),
  sigmoid: floats((a) => (a < 0 ? Math.exp(a) / (1 + Math.exp(a)) : 1 / (1 + Math.exp(-a)))),
  pow: { float: floatPower, integer: integerPower },
  randomBits: { integer: (a, b, c, d) => threefry2x32(a, b, c, d)[0] },
};

/** Whether `op` takes arguments of `dtype` (for `where` the dtype of its last two, for `cast` its source). */
export function scalarOpTakes(op: ScalarOp, dtype: DType): boolean {
  if (op === 'cast' || op === 'bitcast') return true;
  if (op === 'randomBits') return dtype === 'uint32';
  return meaningFor(MEANINGS[op], dtype) !== undefined;
}

const made = new Map<string, ScalarFunction>();

/**
 * The op as a function of its arguments' values. `dtype` is the result's, `argDtype` the arguments' (for `where` that of
 * its last two). Throws DTypeError for a dtype that the op does not take.
 */
export function makeScalarFunction(op: ScalarOp, dtype: DType, argDtype: DType): ScalarFunction {
  const key = `${op} ${dtype} ${argDtype}`;
  const known = made.get(key) ?? makeAny(op, dtype, argDtype);
  made.set(key, known);
  return known;
}

function makeAny(op: ScalarOp, dtype: DType, argDtype: DType): ScalarFunction {
  if (op === 'cast') return makeCast(argDtype, dtype);
  if (op === 'bitcast') return makeBitcast(argDtype, dtype);
  const meaning = meaningFor(MEANINGS[op], argDtype);
  if (!meaning || !scalarOpTakes(op, argDtype)) throw new DTypeError(`${op}: does not take ${argDtype}`);
  // The commonest ones without a second call.
  if (dtype === 'float32') {
    if (op === 'add') return (a, b) => Math.fround(a + b);
    if (op === 'sub') return (a, b) => Math.fround(a - b);
    if (op === 'mul') return (a, b) => Math.fround(a * b);
  }
  if (dtype === 'bool' || dtype === 'float64' || op === 'where' || op === 'max' || op === 'min')
    return meaning;
  const round = roundTo(dtype);
  return (a, b, c, d) => round(meaning(a, b, c, d));
}

/** The value of `op` on `args`; see `makeScalarFunction`. */
export function evaluateScalar(op: ScalarOp, dtype: DType, args: readonly number[], argDtype: DType): number {
  return makeScalarFunction(op, dtype, argDtype)(args[0], args[1], args[2], args[3]);
}

const word = new DataView(new ArrayBuffer(4));

function makeBitcast(from: DType, to: DType): ScalarFunction {
  if (from === to) return (a) => a;
  if (from === 'float32' && (to === 'int32' || to === 'uint32')) {
    const round = roundTo(to);
    return (a) => {
      word.setFloat32(0, a);
      return round(word.getUint32(0));
    };
  }
  if (to === 'float32' && (from === 'int32' || from === 'uint32')) {
    return (a) => {
      word.setUint32(0, a);
      return word.getFloat32(0);
    };
  }
  const sameSize = [
    ['int32', 'uint32'],
    ['int8', 'uint8'],
  ].some((p) => p.includes(from) && p.includes(to));
  if (!sameSize) throw new DTypeError(`bitcast: ${from} and ${to} have no bits in common`);
  return roundTo(to);
}

/** C's pow: unlike Math.pow, 1 to any power and ±1 to an infinite power are 1. */
function floatPower(a: number, b: number): number {
  if (a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY)) return 1;
  return a ** b;
}

/** Wrapping power by squaring; a negative exponent gives the truncated reciprocal, and 0 for the base 0. */
function integerPower(a: number, b: number): number {
  if (b < 0) return a === 1 ? 1 : a === -1 ? (b % 2 === 0 ? 1 : -1) : 0;
  let result = 1;
  let square = a;
  for (let rest = b; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = Math.imul(result, square);
    square = Math.imul(square, square);
  }
  return result;
}
