/**
 * log and log1p.
 *
 * x = 2ᵏ·m with m in [√½, √2), f = m − 1, s = f/(2 + f) and log m = 2s + s³·L(s²), arranged so that the leading term f is
 * added last.
 */
import { doubles } from './doubles.js';
import { bitsOf, isIrregular, type Lanes, signOf, type Value } from './lanes.js';

export interface LogTable {
  /** k·ln2High is exact. */
  readonly ln2High: number;
  readonly ln2Low: number;
  /** (log((1+s)/(1−s))/s − 2)/s² as a polynomial in s². */
  readonly log: readonly number[];
  readonly minNormal: number;
}

const SINGLE: LogTable = {
  ln2High: 0.69314575195,
  ln2Low: 1.42860677e-6,
  log: [0.666666627, 0.400009692, 0.284991682, 0.242683828],
  minNormal: 2 ** -126,
};

const tableOf = ({ shape }: Lanes): LogTable => (shape === 'f32x4' ? SINGLE : doubles().logarithm);

/** A positive normal number as 2ᵏ·m with m in [√½, √2): `k` is a float. */
export function splitExponent(v: Lanes, x: Value): { k: Value; m: Value } {
  const one = bitsOf(v.shape, 1);
  // Moves [√½, √2) to the start of a binade, so that the exponent field is k + bias.
  const moved = v.hold(v.iadd(x, v.bits(one - bitsOf(v.shape, Math.SQRT1_2))));
  const integer = 2 ** v.mantissa;
  const field = v.or(v.shrU(moved, v.mantissa), v.constant(integer));
  const k = v.hold(v.sub(field, v.constant(integer + v.bias)));
  const exponent = v.and(moved, v.constant(Number.POSITIVE_INFINITY));
  return { k, m: v.hold(v.iadd(v.isub(x, exponent), v.bits(one))) };
}

/** k·ln 2 + log(1 + f) + c for f in [√½ − 1, √2 − 1) and a tiny correction c. */
function combine(v: Lanes, k: Value, f: Value, c: Value | null): Value {
  const { log, ln2High, ln2Low } = tableOf(v);
  const s = v.hold(v.div(f, v.add(f, v.constant(2))));
  const z = v.hold(v.mul(s, s));
  const halfSquare = v.hold(v.mul(v.mul(f, f), v.constant(0.5)));
  const rest = v.mul(s, v.add(halfSquare, v.mul(z, v.polynomial(z, log))));
  const low = v.mul(k, v.constant(ln2Low));
  const inner = v.sub(halfSquare, v.add(rest, c ? v.add(low, c) : low));
  return v.add(v.mul(k, v.constant(ln2High)), v.sub(f, inner));
}

/** `result` where 0 < y < ∞, otherwise what log gives for ±0, ∞, NaN and negative y. */
function withSpecials(v: Lanes, y: Value, result: Value): Value {
  const infinity = v.constant(Number.POSITIVE_INFINITY);
  const zero = v.constant(0);
  const regular = v.and(v.gt(y, zero), v.lt(y, infinity));
  // ∞ and NaN stay, a negative number becomes NaN.
  const invalid = v.select(v.lt(y, zero), v.constant(Number.NaN), y);
  const special = v.select(v.eq(y, zero), v.constant(Number.NEGATIVE_INFINITY), invalid);
  return v.hold(v.select(regular, result, special));
}

/** log x of a positive normal number, less `shift`·ln 2. */
function logNormal(v: Lanes, x: Value, shift: Value | null): Value {
  const { k, m } = splitExponent(v, x);
  const exponent = shift ? v.hold(v.sub(k, shift)) : k;
  return v.hold(combine(v, exponent, v.hold(v.sub(m, v.constant(1))), null));
}

/** Natural logarithm of every x. */
function logAnywhere(v: Lanes, x: Value): Value {
  const subnormal = v.hold(v.lt(x, v.constant(tableOf(v).minNormal)));
  const shift = v.mantissa + 1;
  const normal = v.hold(v.select(subnormal, v.mul(x, v.constant(2 ** shift)), x));
  return withSpecials(v, x, logNormal(v, normal, v.and(subnormal, v.constant(shift))));
}

/** Natural logarithm. What is not a positive normal number is rare and takes the long way, in which others have the same bits. */
export function log(v: Lanes, x: Value): Value {
  return v.unless(
    isIrregular(v, x),
    () => logNormal(v, x, null),
    () => logAnywhere(v, x),
  );
}

/** log(1 + x), with the rounding error of 1 + x put back. */
export function log1p(v: Lanes, x: Value): Value {
  const one = v.constant(1);
  const u = v.hold(v.add(x, one));
  const most = v.hold(v.sub(u, one));
  const error = v.add(v.sub(one, v.sub(u, most)), v.sub(x, most));
  const { k, m } = splitExponent(v, u);
  // Near 1 nothing is lost at all: f is x itself.
  const near = v.hold(v.eq(k, v.constant(0)));
  const f = v.hold(v.select(near, x, v.sub(m, one)));
  const c = v.hold(v.select(near, v.constant(0), v.div(error, u)));
  return v.hold(v.or(withSpecials(v, u, combine(v, k, f, c)), signOf(v, x)));
}
