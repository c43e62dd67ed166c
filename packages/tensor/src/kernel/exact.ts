/**
 * What the scalar ops mean that are exact, or rounded once: all but functions. Constant folding comes here; what a function has for a
 * constant is left to the device, which may round it in another way.
 */
import { type DType, fromHalfBits, isFloat, toHalfBits } from '../dtype.js';
import type { ScalarOp } from './ir.js';

/** Value of an op on arguments of the dtype that it was made for. */
export type ScalarFunction = (a: number, b: number, c: number, d: number) => number;

/** The op on floats, on integers and on bools; a missing one means that the op does not take them. */
export interface Meaning {
  readonly float?: ScalarFunction;
  readonly integer?: ScalarFunction;
  readonly bool?: ScalarFunction;
}

const everywhere = (f: ScalarFunction): Meaning => ({ float: f, integer: f, bool: f });
const numbers = (f: ScalarFunction): Meaning => ({ float: f, integer: f });
export const floats = (f: ScalarFunction): Meaning => ({ float: f });

export const EXACT = {
  neg: numbers((a) => -a),
  abs: numbers((a) => Math.abs(a)),
  // 0 for NaN, as torch.sign.
  sign: numbers((a) => (a > 0 ? 1 : a < 0 ? -1 : 0)),
  sqrt: floats((a) => Math.sqrt(a)),
  reciprocal: floats((a) => 1 / a),
  floor: floats((a) => Math.floor(a)),
  ceil: floats((a) => Math.ceil(a)),
  round: floats(roundHalfToEven),
  trunc: floats((a) => Math.trunc(a)),
  not: { integer: (a) => ~a, bool: (a) => 1 - a },
  add: numbers((a, b) => a + b),
  sub: numbers((a, b) => a - b),
  mul: { float: (a, b) => a * b, integer: (a, b) => Math.imul(a, b) },
  // Integers: 0 where the divisor is 0, and the lowest number divided by −1 wraps to itself.
  div: { float: (a, b) => a / b, integer: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)) },
  rem: { float: (a, b) => a % b, integer: (a, b) => (b === 0 ? 0 : a % b) },
  mod: { float: floorMod, integer: (a, b) => (b === 0 ? 0 : floorMod(a, b)) },
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
} as const satisfies Partial<Record<ScalarOp, Meaning>>;

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

/** Of an op's meanings the one for arguments of `dtype`. */
export const meaningFor = (meaning: Meaning, dtype: DType): ScalarFunction | undefined =>
  meaning[isFloat(dtype) ? 'float' : dtype === 'bool' ? 'bool' : 'integer'];

/** The value of `op` on constants, or undefined where it is a function or does not take them. */
export function foldConstants(
  op: ScalarOp,
  dtype: DType,
  [a, b, c, d]: readonly number[],
  argDtype: DType,
): number | undefined {
  if (op === 'cast') return makeCast(argDtype, dtype)(a, b, c, d);
  const meaning = op in EXACT && meaningFor(EXACT[op as keyof typeof EXACT], argDtype);
  return meaning ? ROUND[dtype](meaning(a, b, c, d)) : undefined;
}

/** Saturates where a float becomes an integer. */
export function makeCast(from: DType, to: DType): ScalarFunction {
  const round = ROUND[to];
  const range = INTEGER_RANGE[to];
  if (!isFloat(from) || !range) return (a) => round(a);
  const [low, high] = range;
  return (a) => (Number.isNaN(a) ? 0 : Math.min(Math.max(Math.trunc(a), low), high) + 0);
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
