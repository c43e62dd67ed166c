/** Ops through simpler ones with the same value: signs, rounding, remainders, comparisons, logic, random bits. */
import { isFloat } from '../dtype.js';
import type { Algebra } from './algebra.js';
import type { Expr, ScalarOp } from './ir.js';
import { THREEFRY_PARITY, THREEFRY_ROTATIONS } from './threefry.js';

type Supported = ReadonlySet<ScalarOp>;

export function abs(m: Algebra, x: Expr): Expr {
  // The difference turns −0 into 0.
  return m.where(m.le(x, m.number(0)), m.sub(m.number(0), x), x);
}

export function sign(m: Algebra, x: Expr): Expr {
  const zero = m.number(0);
  return m.where(m.lt(zero, x), m.number(1), m.where(m.lt(x, zero), m.number(-1), zero));
}

/** From this magnitude on, every float is an integer. */
const allIntegers = (m: Algebra) => m.number(m.dtype === 'float64' ? 2 ** 52 : 2 ** 23);

export function trunc(m: Algebra, x: Expr, supported: Supported): Expr {
  const magnitude = m.abs(x);
  if (supported.has('floor')) return m.withSignOf(x, m.floor(magnitude));
  if (m.dtype === 'float32') {
    const whole = m.cast(m.cast(x, 'int32'), 'float32');
    return m.where(m.lt(magnitude, allIntegers(m)), whole, x);
  }
  // Adding and taking away 2^52 rounds to an integer.
  const rounded = m.sub(m.add(magnitude, allIntegers(m)), allIntegers(m));
  const whole = m.where(m.lt(magnitude, rounded), m.sub(rounded, m.number(1)), rounded);
  return m.where(m.lt(magnitude, allIntegers(m)), m.withSignOf(x, whole), x);
}

export function floor(m: Algebra, x: Expr): Expr {
  const whole = m.trunc(x);
  return m.where(m.lt(x, whole), m.sub(whole, m.number(1)), whole);
}

/** To the nearest integer, halves to the even one. */
export function round(m: Algebra, x: Expr): Expr {
  const below = m.floor(x);
  const rest = m.sub(x, below);
  const half = m.number(0.5);
  const odd = m.ne(m.mul(m.floor(m.mul(below, half)), m.number(2)), below);
  const up = m.or(m.lt(half, rest), m.and(m.eq(rest, half), odd));
  return m.where(up, m.add(below, m.number(1)), below);
}

/**
 * The remainder of truncated division. Floats: exact while the quotient is below 2^23 (float64: 2^52), 0 beyond, where
 * the dividend's last digit is worth more than the divisor.
 */
export function rem(m: Algebra, x: Expr, y: Expr): Expr {
  if (!isFloat(m.dtype)) {
    const zero = m.number(0);
    return m.where(m.eq(y, zero), zero, m.sub(x, m.mul(m.div(x, y), y)));
  }
  // Scaled down, so that the exact product does not overflow.
  const large = m.lt(m.number(2 ** 60), m.abs(y));
  const scale = m.where(large, m.number(2 ** -40), m.number(1));
  const [a, b] = [m.mul(m.abs(x), scale), m.mul(m.abs(y), scale)];
  const quotient = m.floor(m.div(a, b));
  const [product, error] = m.twoProduct(quotient, b);
  const raw = m.sub(m.sub(a, product), error);
  // The rounded quotient may be one off either way.
  const raised = m.where(m.lt(raw, m.number(0)), m.add(raw, b), raw);
  const exact = m.where(m.le(b, raised), m.sub(raised, b), raised);
  const infinite = m.number(Number.POSITIVE_INFINITY);
  const magnitude = m.where(m.lt(quotient, allIntegers(m)), exact, m.number(0));
  const undefinedAt = m.or(m.eq(y, m.number(0)), m.eq(m.abs(x), infinite));
  const whole = m.where(undefinedAt, m.number(Number.NaN), m.withSignOf(x, magnitude));
  const unordered = m.or(m.ne(x, x), m.ne(y, y));
  return m.where(unordered, m.number(Number.NaN), m.where(m.lt(m.abs(x), m.abs(y)), x, whole));
}

/** The remainder with the divisor's sign. */
export function mod(m: Algebra, x: Expr, y: Expr): Expr {
  const r = m.rem(x, y);
  const zero = m.number(0);
  const differs = m.and(m.ne(r, zero), m.xor(m.lt(r, zero), m.lt(y, zero)));
  return m.where(differs, m.add(r, y), r);
}

/** The greater of two, NaN where either is. */
export function max(m: Algebra, x: Expr, y: Expr): Expr {
  if (m.dtype === 'bool') return m.or(x, y);
  const first = m.lt(y, x);
  return m.where(isFloat(m.dtype) ? m.or(first, m.ne(x, x)) : first, x, y);
}

/** The less of two, NaN where either is. */
export function min(m: Algebra, x: Expr, y: Expr): Expr {
  if (m.dtype === 'bool') return m.and(x, y);
  const first = m.lt(x, y);
  return m.where(isFloat(m.dtype) ? m.or(first, m.ne(x, x)) : first, x, y);
}

export function eq(m: Algebra, x: Expr, y: Expr, supported: Supported): Expr {
  return supported.has('ne') ? m.not(m.ne(x, y)) : m.and(m.le(x, y), m.le(y, x));
}

/** Logic on bools by choice; undefined for integers, whose bits have no such form. */
export function and(m: Algebra, x: Expr, y: Expr): Expr | undefined {
  return m.dtype === 'bool' ? m.where(x, y, m.bool(false)) : undefined;
}

export function or(m: Algebra, x: Expr, y: Expr): Expr | undefined {
  return m.dtype === 'bool' ? m.where(x, m.bool(true), y) : undefined;
}

export function xor(m: Algebra, x: Expr, y: Expr): Expr {
  return m.dtype === 'bool' ? m.where(x, m.not(y), y) : m.sub(m.or(x, y), m.and(x, y));
}

export function not(m: Algebra, x: Expr): Expr {
  return m.dtype === 'bool' ? m.where(x, m.bool(false), m.bool(true)) : m.xor(x, m.number(-1));
}

/** Integer power by squaring, one step per bit of the exponent. */
export function integerPower(m: Algebra, x: Expr, y: Expr, bits: number): Expr {
  const [zero, one] = [m.number(0), m.number(1)];
  const bitOf = (i: number) => m.ne(m.and(m.shr(y, m.number(i)), one), zero);
  let result = one;
  let square = x;
  for (let i = 0; i < bits; i++) {
    result = m.where(bitOf(i), m.mul(result, square), result);
    square = m.mul(square, square);
  }
  if (m.dtype.startsWith('u')) return result;
  const minusOne = m.where(m.eq(x, m.number(-1)), m.where(bitOf(0), m.number(-1), one), zero);
  return m.where(m.lt(y, zero), m.where(m.eq(x, one), one, minusOne), result);
}

/** Threefry-2x32 with 20 rounds on uint32 expressions; see `threefry2x32`. */
export function randomBits(m: Algebra, key0: Expr, key1: Expr, counter0: Expr, counter1: Expr): Expr {
  const keys = [key0, key1, m.xor(m.number(THREEFRY_PARITY), m.xor(key0, key1))];
  let x = m.add(counter0, key0);
  let y = m.add(counter1, key1);
  for (let round = 0; round < 20; round++) {
    const distance = THREEFRY_ROTATIONS[round % 8];
    x = m.add(x, y);
    y = m.xor(m.or(m.shl(y, m.number(distance)), m.shr(y, m.number(32 - distance))), x);
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x = m.add(x, keys[injection % 3]);
      y = m.add(m.add(y, keys[(injection + 1) % 3]), m.number(injection));
    }
  }
  return x;
}
