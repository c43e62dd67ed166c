/**
 * What each scalar op means: its value on JavaScript numbers. Values are computed in float64 and rounded once to the
 * result's dtype; integers wrap. Constant folding and the reference backend both come here.
 */
import { type DType, fromHalfBits, isFloat, toHalfBits } from '../dtype.js';
import { DTypeError } from '../errors.js';
import { erf } from './erf.js';
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

/** Value of an op on arguments of the dtype that it was made for. */
export type ScalarFunction = (a: number, b: number, c: number, d: number) => number;

/** The op on floats, on integers and on bools; a missing one means that the op does not take them. */
interface Meaning {
  readonly float?: ScalarFunction;
  readonly integer?: ScalarFunction;
  readonly bool?: ScalarFunction;
}

const everywhere = (f: ScalarFunction): Meaning => ({ float: f, integer: f, bool: f });
const numbers = (f: ScalarFunction): Meaning => ({ float: f, integer: f });
const floats = (f: ScalarFunction): Meaning => ({ float: f });

const MEANINGS: Readonly<Record<Exclude<ScalarOp, 'cast' | 'bitcast'>, Meaning>> = {
  neg: numbers((a) => -a),
  abs: numbers((a) => Math.abs(a)),
  // 0 for NaN, as torch.sign.
  sign: numbers((a) => (a > 0 ? 1 : a < 0 ? -1 : 0)),
  exp: floats((a) => Math.exp(a)),
  log: floats((a) => Math.log(a)),
  expm1: floats((a) => Math.expm1(a)),
  log1p: floats((a) => Math.log1p(a)),
  sin: floats((a) => Math.sin(a)),
  cos: floats((a) => Math.cos(a)),
  atan: floats((a) => Math.atan(a)),
  sqrt: floats((a) => Math.sqrt(a)),
  reciprocal: floats((a) => 1 / a),
  floor: floats((a) => Math.floor(a)),
  ceil: floats((a) => Math.ceil(a)),
  round: floats(roundHalfToEven),
  trunc: floats((a) => Math.trunc(a)),
  erf: floats((a) => erf(a)),
  tanh: floats((a) => Math.tanh(a)),
  sigmoid: floats((a) => (a < 0 ? Math.exp(a) / (1 + Math.exp(a)) : 1 / (1 + Math.exp(-a)))),
  not: { integer: (a) => ~a, bool: (a) => 1 - a },
  add: numbers((a, b) => a + b),
  sub: numbers((a, b) => a - b),
  mul: { float: (a, b) => a * b, integer: (a, b) => Math.imul(a, b) },
  // Integers: 0 where the divisor is 0, and the lowest number divided by −1 wraps to itself.
  div: { float: (a, b) => a / b, integer: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)) },
  rem: { float: (a, b) => a % b, integer: (a, b) => (b === 0 ? 0 : a % b) },
  mod: { float: floorMod, integer: (a, b) => (b === 0 ? 0 : floorMod(a, b)) },
  pow: { float: floatPower, integer: integerPower },
  max: everywhere((a, b) => Math.max(a, b)),
  min: everywhere((a, b) => Math.min(a, b)),
  eq: everywhere((a, b) => (a === b ? 1 : 0)),
  ne: everywhere((a, b) => (a !== b ? 1 : 0)),
  lt: everywhere((a, b) => (a < b ? 1 : 0)),
  le: everywhere((a, b) => (a <= b ? 1 : 0)),
  and: { integer: (a, b) => a & b, bool: (a, b) => a & b },
  or: { integer: (a, b) => a | b, bool: (a, b) => a | b },
  xor: { integer: (a, b) => a ^ b, bool: (a, b) => a ^ b },
  // Counts are 0 … bits − 1; others have no meaning that backends must share.
  shl: { integer: (a, b) => a << b },
  shr: { integer: (a, b) => Math.floor(a / 2 ** b) },
  where: everywhere((a, b, c) => (a !== 0 ? b : c)),
  randomBits: { integer: (a, b, c, d) => threefry2x32(a, b, c, d)[0] },
};

const ROUND: Readonly<Record<DType, (x: number) => number>> = {
  float32: (x) => Math.fround(x),
  float16: (x) => fromHalfBits(toHalfBits(x)),
  float64: (x) => x,
  int32: (x) => x | 0,
  uint32: (x) => x >>> 0,
  int8: (x) => (x << 24) >> 24,
  uint8: (x) => x & 255,
  bool: (x) => (x !== 0 ? 1 : 0),
};

/** Rounds (floats) or wraps (integers) a number to a value of `dtype`. */
export const roundTo = (dtype: DType): ((x: number) => number) => ROUND[dtype];

/** Least and greatest value of each integer dtype. */
export const INTEGER_RANGE: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
  int8: [-128, 127],
  uint8: [0, 255],
};

/** Whether `op` takes arguments of `dtype` (for `where` the dtype of its last two, for `cast` its source). */
export function scalarOpTakes(op: ScalarOp, dtype: DType): boolean {
  if (op === 'cast' || op === 'bitcast') return true;
  if (op === 'randomBits') return dtype === 'uint32';
  return meaningFor(op, dtype) !== undefined;
}

function meaningFor(op: Exclude<ScalarOp, 'cast' | 'bitcast'>, dtype: DType): ScalarFunction | undefined {
  return MEANINGS[op][isFloat(dtype) ? 'float' : dtype === 'bool' ? 'bool' : 'integer'];
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
  const meaning = meaningFor(op, argDtype);
  if (!meaning || !scalarOpTakes(op, argDtype)) throw new DTypeError(`${op}: does not take ${argDtype}`);
  // The commonest ones without a second call.
  if (dtype === 'float32') {
    if (op === 'add') return (a, b) => Math.fround(a + b);
    if (op === 'sub') return (a, b) => Math.fround(a - b);
    if (op === 'mul') return (a, b) => Math.fround(a * b);
  }
  if (dtype === 'bool' || dtype === 'float64' || op === 'where' || op === 'max' || op === 'min')
    return meaning;
  const round = ROUND[dtype];
  return (a, b, c, d) => round(meaning(a, b, c, d));
}

/** The value of `op` on `args`; see `makeScalarFunction`. */
export function evaluateScalar(op: ScalarOp, dtype: DType, args: readonly number[], argDtype: DType): number {
  return makeScalarFunction(op, dtype, argDtype)(args[0], args[1], args[2], args[3]);
}

function makeCast(from: DType, to: DType): ScalarFunction {
  const round = ROUND[to];
  const range = INTEGER_RANGE[to];
  if (!isFloat(from) || !range) return (a) => round(a);
  const [low, high] = range;
  return (a) => (Number.isNaN(a) ? 0 : Math.min(Math.max(Math.trunc(a), low), high) + 0);
}

const word = new DataView(new ArrayBuffer(4));

function makeBitcast(from: DType, to: DType): ScalarFunction {
  if (from === to) return (a) => a;
  if (from === 'float32' && (to === 'int32' || to === 'uint32')) {
    const round = ROUND[to];
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
  return ROUND[to];
}

function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : Math.ceil(x);
  return floor % 2 === 0 ? floor : Math.ceil(x);
}

/** Remainder with the sign of the divisor, as torch.remainder and Python's `%`. */
function floorMod(a: number, b: number): number {
  const r = a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r;
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
