/**
 * exp, expm1, sigmoid and tanh.
 *
 * x = n·ln 2 + r with |r| ≤ ln 2 / 2 (Cody and Waite, in two steps), and eˣ = 2ⁿ·(1 + r + r²·E(r)). The polynomials of this
 * folder are minimax fits made in 60-digit arithmetic whose coefficients were rounded one after another, each time
 * fitting the rest again.
 */
import { doubles } from './doubles.js';
import { bitsOf, isBeyond, type Lanes, signOf, type Value } from './lanes.js';

export interface ExpTable {
  /** n·ln2High is exact for every n that occurs. */
  readonly ln2High: number;
  readonly ln2Low: number;
  /** (eʳ − 1 − r) / r², relative error of eʳ below 2^-28 and 2^-57. */
  readonly exp: readonly number[];
  /** The same, with the relative error of eʳ − 1 in mind. */
  readonly expm1: readonly number[];
  /** Results overflow above `max`, and vanish below `min`. */
  readonly max: number;
  readonly min: number;
  /** Up to this magnitude the result is 2ⁿ times a number near 1 with a normal 2ⁿ: 125.5·ln 2 and 1021.5·ln 2. */
  readonly normal: number;
  /** Below this, eˣ − 1 rounds to −1. */
  readonly expm1Min: number;
  /** From here on tanh rounds to 1. */
  readonly tanhMax: number;
}

const SINGLE: ExpTable = {
  ln2High: 0.693359375,
  ln2Low: -2.1219444e-4,
  exp: [0.49999994, 0.166665092, 0.041668009, 0.00837000553, 0.00138474756],
  expm1: [0.5, 0.166665331, 0.041666612, 0.00836788211, 0.00139183865],
  max: 89,
  min: -105,
  normal: 86.98,
  expm1Min: -20,
  tanhMax: 10,
};

const tableOf = ({ shape }: Lanes): ExpTable => (shape === 'f32x4' ? SINGLE : doubles().exponential);

/** Adding this leaves an integer of magnitude up to 2^(mantissa − 2) in the low bits, rounded to nearest. */
const roundingMagic = (v: Lanes): number => 1.5 * 2 ** v.mantissa;

interface Reduced {
  /** n as a float. */
  readonly n: Value;
  /** n in the low bits. */
  readonly nBits: Value;
  readonly r: Value;
}

/** `bias` is added to the n of `nBits`. */
function reduce(v: Lanes, x: Value, bias = 0): Reduced {
  const { ln2High, ln2Low } = tableOf(v);
  const magic = v.constant(roundingMagic(v) + bias);
  const nBits = v.hold(v.add(v.mul(x, v.constant(Math.LOG2E)), magic));
  const n = v.hold(v.sub(nBits, magic));
  const r = v.hold(v.sub(v.sub(x, v.mul(n, v.constant(ln2High))), v.mul(n, v.constant(ln2Low))));
  return { n, nBits, r };
}

/** 2ⁿ·`unit` for n in the low bits of `nBits`; the result must be a normal number. */
function scale(v: Lanes, nBits: Value, unit = 1): Value {
  return v.iadd(v.shl(nBits, v.mantissa), v.bits(bitsOf(v.shape, unit)));
}

function expOfReduced(v: Lanes, r: Value, coefficients = tableOf(v).exp): Value {
  const square = v.mul(r, r);
  return v.add(v.add(v.mul(v.polynomial(r, coefficients), square), r), v.constant(1));
}

/** eˣ where the result is a normal number, not for NaN. `x` is held. */
export function expNormal(v: Lanes, x: Value): Value {
  const { nBits, r } = reduce(v, x);
  return v.hold(v.iadd(expOfReduced(v, r), v.shl(nBits, v.mantissa)));
}

/** eˣ⁺ᵗ for every x and a tail t far smaller than 1. */
export function expAnywhere(v: Lanes, x: Value, tail?: Value): Value {
  const { min, max } = tableOf(v);
  const clamped = v.hold(v.pmax(v.pmin(x, v.constant(max)), v.constant(min)));
  const { n, nBits, r: head } = reduce(v, clamped);
  const r = tail ? v.hold(v.add(head, tail)) : head;
  // Two factors reach subnormal numbers and infinity with one rounding.
  const magic = v.constant(roundingMagic(v));
  const halfBits = v.hold(v.add(v.mul(n, v.constant(0.5)), magic));
  const otherBits = v.isub(nBits, v.isub(halfBits, magic));
  return v.hold(v.mul(v.mul(expOfReduced(v, r), scale(v, halfBits)), scale(v, otherBits)));
}

/** eˣ. Only results near the ends of the range, which are rare, take the long way; where both ways lead they give the same bits. */
export function exp(v: Lanes, x: Value): Value {
  const beyond = isBeyond(v, x, tableOf(v).normal);
  return v.unless(
    beyond,
    () => expNormal(v, x),
    () => expAnywhere(v, x),
  );
}

/** 2 to this brings every result of a negative argument among the normal numbers. */
const LIFT = 64;
/** One term less: 2.3 ulp of eˣ instead of 0.9. A softmax takes 8 % less time, and PyTorch's is off by up to 8 ulp. */
const SHORT = [0.499993, 0.16667247, 0.041883804, 0.00830133166];

/** eˣ of x ≤ 0 or NaN, without a branch, so that several vectors can be under way at once. */
export function expOfNegative(v: Lanes, x: Value): Value {
  const bias = v.bias + LIFT;
  // At the least argument 2ⁿ becomes 0, whose product is fast; underflow, as masked scores would have it, is slow.
  const { nBits, r } = reduce(v, v.hold(v.pmax(x, v.constant(-bias * Math.LN2))), bias);
  const power = expOfReduced(v, r, v.shape === 'f32x4' ? SHORT : undefined);
  // A product, for a sum of bits could make a number of a NaN.
  const lifted = v.mul(power, v.shl(nBits, v.mantissa));
  return v.hold(v.mul(lifted, v.constant(2 ** -LIFT)));
}

/** eˣ − 1. */
export function expm1(v: Lanes, x: Value): Value {
  const table = tableOf(v);
  const clamped = v.hold(v.pmax(v.pmin(x, v.constant(table.max)), v.constant(table.expm1Min)));
  const { nBits, r } = reduce(v, clamped);
  const p = v.hold(v.add(v.mul(v.polynomial(r, table.expm1), v.mul(r, r)), r));
  // 2ⁿ·p + (2ⁿ − 1), halved so that n may be one more than the largest exponent.
  const half = v.hold(scale(v, nBits, 0.5));
  const sum = v.hold(v.add(v.mul(half, p), v.sub(half, v.constant(0.5))));
  return v.hold(v.or(v.add(sum, sum), signOf(v, x)));
}

/** 1 / (1 + e⁻ˣ); where e⁻ˣ overflows that is eˣ. */
export function sigmoid(v: Lanes, x: Value): Value {
  const one = v.constant(1);
  const { normal } = tableOf(v);
  const minus = v.hold(v.neg(x));
  const inverse = (e: Value) => v.hold(v.div(one, v.add(one, e)));
  return v.unless(
    isBeyond(v, x, normal),
    () => inverse(expNormal(v, minus)),
    () => {
      const regular = inverse(expAnywhere(v, minus));
      return v.hold(v.select(v.lt(x, v.constant(-normal)), expAnywhere(v, x), regular));
    },
  );
}

/** tanh x = t / (t + 2) with t = e²ˣ − 1. */
export function tanh(v: Lanes, x: Value): Value {
  const { tanhMax, expm1: coefficients } = tableOf(v);
  const a = v.hold(v.pmax(v.pmin(x, v.constant(tanhMax)), v.constant(-tanhMax)));
  const { nBits, r } = reduce(v, v.hold(v.add(a, a)));
  const p = v.hold(v.add(v.mul(v.polynomial(r, coefficients), v.mul(r, r)), r));
  const power = v.hold(scale(v, nBits, 1));
  const t = v.hold(v.add(v.mul(power, p), v.sub(power, v.constant(1))));
  return v.hold(v.or(v.div(t, v.add(t, v.constant(2))), signOf(v, x)));
}
