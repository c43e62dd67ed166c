/**
 * Transcendental ops by polynomials, in float32 and float64. Accuracy is bounded in `test/lowering.test.ts`. Coefficients
 * are those of the Cephes library (S. L. Moshier), of FreeBSD's msun (`erf.ts`), and for the float32 erf of N. Juffa.
 */
import type { Algebra } from './algebra.js';
import { ERX, PA, PP, QA, QQ, RA, RB, SA, SB } from './erf.js';
import type { Expr } from './ir.js';

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
const single = (m: Algebra) => m.dtype === 'float32';

/** ln 2 in two parts; the first has so few digits that its product with an exponent is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -0.00021219444005469057;

/** Taylor's 1/1!, 1/2!, … */
const inverseFactorials = (count: number): number[] => {
  const all = [1];
  for (let k = 2; k <= count; k++) all.push(all[k - 2] / k);
  return all;
};

/** 2^n for an int32 n of −126 … 127. */
const powerOfTwo = (m: Algebra, n: Expr) => {
  const int = m.on('int32');
  return m.bitcast(int.shl(int.add(n, int.number(127)), int.number(23)), 'float32');
};

/** Float32 exp: 2^n · exp(r) with |r| ≤ ln 2 / 2. */
export function exp(m: Algebra, x: Expr): Expr {
  const n = m.round(m.mul(x, m.number(Math.LOG2E)));
  const r = m.sub(m.sub(x, m.mul(n, m.number(LN2_HIGH))), m.mul(n, m.number(LN2_LOW)));
  const tail = m.polynomial(
    r,
    [5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.98756915e-4],
  );
  const value = m.add(m.add(m.mul(tail, m.mul(r, r)), r), m.number(1));
  // In two steps, because 2^n itself may be out of range where the result is not.
  const int = m.on('int32');
  const bounded = int.max(int.min(m.cast(n, 'int32'), int.number(160)), int.number(-160));
  const half = int.shr(bounded, int.number(1));
  const scaled = m.mul(m.mul(value, powerOfTwo(m, half)), powerOfTwo(m, int.sub(bounded, half)));
  const overflow = m.lt(m.number(88.8), x);
  return m.where(overflow, m.number(infinity), m.where(m.lt(x, m.number(-104)), m.number(0), scaled));
}

/** x = 2^e · (1 + f) with √½ ≤ 1 + f < √2, of a positive finite float32. */
function exponentAndFraction(m: Algebra, x: Expr): { e: Expr; f: Expr } {
  const int = m.on('int32');
  const subnormal = m.lt(x, m.number(2 ** -126));
  const bits = m.bitcast(m.where(subnormal, m.mul(x, m.number(2 ** 23)), x), 'int32');
  const e = int.shr(int.sub(bits, int.number(0x3f3504f3)), int.number(23));
  const mantissa = m.bitcast(int.sub(bits, int.shl(e, int.number(23))), 'float32');
  const shifted = int.sub(e, int.where(subnormal, int.number(23), int.number(0)));
  return { e: m.cast(shifted, 'float32'), f: m.sub(mantissa, m.number(1)) };
}

const LOG = [
  3.3333331174e-1, -2.4999993993e-1, 2.0000714765e-1, -1.6668057665e-1, 1.4249322787e-1, -1.2420140846e-1,
  1.167699874e-1, -1.151461031e-1, 7.0376836292e-2,
];

/** Float32 log. */
export function log(m: Algebra, x: Expr): Expr {
  const { e, f } = exponentAndFraction(m, x);
  const z = m.mul(f, f);
  const tail = m.add(m.mul(m.mul(f, z), m.polynomial(f, LOG)), m.mul(e, m.number(LN2_LOW)));
  const value = m.add(m.add(f, m.sub(tail, m.mul(z, m.number(0.5)))), m.mul(e, m.number(LN2_HIGH)));
  const beyond = m.where(m.eq(x, m.number(0)), m.number(-infinity), m.number(nan));
  // Not below infinity: infinity itself, or NaN.
  return m.where(m.lt(m.number(0), x), m.where(m.lt(x, m.number(infinity)), value, x), beyond);
}

/** A series where exp(x) − 1 would cancel. */
export function expm1(m: Algebra, x: Expr): Expr {
  const series = m.mul(x, m.polynomial(x, inverseFactorials(single(m) ? 9 : 15)));
  return m.where(m.lt(m.abs(x), m.number(0.5)), series, m.sub(m.exp(x), m.number(1)));
}

/** 1, 1/3, 1/5, … */
const inverseOdd = (count: number): number[] => Array.from({ length: count }, (_, k) => 1 / (2 * k + 1));

/**
 * 2·artanh(x/(2 + x)) near 0, where 1 + x has lost digits of x. (They could be had back from (1 + x) − 1, but compilers for GPUs may
 * take that for x.)
 */
export function log1p(m: Algebra, x: Expr): Expr {
  const s = m.div(x, m.add(x, m.number(2)));
  const series = m.mul(m.mul(s, m.number(2)), m.polynomial(m.mul(s, s), inverseOdd(single(m) ? 7 : 14)));
  return m.where(m.lt(m.abs(x), m.number(0.4)), series, m.log(m.add(x, m.number(1))));
}

export function tanh(m: Algebra, x: Expr): Expr {
  const t = m.expm1(m.mul(m.abs(x), m.number(-2)));
  return m.withSignOf(x, m.div(m.neg(t), m.add(t, m.number(2))));
}

export function sigmoid(m: Algebra, x: Expr): Expr {
  return m.div(m.number(1), m.add(m.number(1), m.exp(m.neg(x))));
}

export function erf(m: Algebra, x: Expr): Expr {
  const a = m.abs(x);
  const z = m.mul(x, x);
  if (single(m)) {
    const near = m.polynomial(
      z,
      [1.28379166e-1, -3.76125336e-1, 1.12819925e-1, -2.67681349e-2, 4.99119423e-3, -5.96761703e-4],
    );
    // Beyond 4, erf is 1 in float32; the polynomial must not run away.
    const t = m.min(a, m.number(4));
    const far = m.polynomial(
      t,
      [
        -1.28717512e-1, -6.34846687e-1, -1.06777877e-1, 2.42546219e-2, -3.88396438e-3, 3.83197126e-4,
        -1.7285347e-5,
      ],
    );
    const outside = m.sub(m.number(1), m.exp(m.sub(m.mul(far, t), t)));
    return m.where(m.lt(m.number(0.927734375), a), m.withSignOf(x, outside), m.add(m.mul(near, x), x));
  }
  const ratio = (v: Expr, p: readonly number[], q: readonly number[]) =>
    m.div(m.polynomial(v, p), m.polynomial(v, q));
  const near = m.add(x, m.mul(x, ratio(z, PP, QQ)));
  const middle = m.add(m.number(ERX), ratio(m.sub(a, m.number(1)), PA, QA));
  const t = m.min(m.max(a, m.number(1)), m.number(6));
  const s = m.div(m.number(1), m.mul(t, t));
  const exponent = m.where(m.lt(t, m.number(1 / 0.35)), ratio(s, RA, SA), ratio(s, RB, SB));
  const tail = m.exp(m.add(m.sub(m.neg(m.mul(t, t)), m.number(0.5625)), exponent));
  const far = m.sub(m.number(1), m.div(tail, t));
  const outside = m.withSignOf(x, m.where(m.lt(a, m.number(1.25)), middle, far));
  return m.where(m.le(m.number(0.84375), a), outside, near);
}

/** π/2 in parts whose products with a quadrant number are exact. */
const HALF_PI = {
  float32: [1.5703125, 0.00048351287841796875, 3.1385570764541626e-7, 6.077100506506192e-11],
  float64: [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32],
};
const SIN = {
  float32: [-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4],
  float64: [
    -0.1666666666666663, 0.008333333333322118, -0.0001984126982958954, 2.7557313621385722e-6,
    -2.5050747762857807e-8, 1.5896230157654656e-10,
  ],
};
const COS = {
  float32: [0.04166664568298827, -0.001388731625493765, 2.443315711809948e-5],
  float64: [
    0.041666666666666595, -0.0013888888888873056, 2.4801587288851704e-5, -2.755731417929674e-7,
    2.087570084197473e-9, -1.1358536521387682e-11,
  ],
};

/** sin (`shift` 0) or cos (`shift` 1). Float32: for |x| up to 50,000; beyond, digits of the angle are lost one by one. */
export function sine(m: Algebra, x: Expr, shift: 0 | 1): Expr {
  const type = single(m) ? 'float32' : 'float64';
  const n = m.round(m.mul(x, m.number(2 / Math.PI)));
  const reduced = HALF_PI[type].reduce((rest, part) => m.sub(rest, m.mul(n, m.number(part))), x);
  const r = m.max(m.min(reduced, m.number(0.8)), m.number(-0.8));
  const z = m.mul(r, r);
  const sin = m.add(m.mul(m.mul(m.polynomial(z, SIN[type]), z), r), r);
  const cos = m.add(
    m.sub(m.mul(m.polynomial(z, COS[type]), m.mul(z, z)), m.mul(z, m.number(0.5))),
    m.number(1),
  );
  const int = m.on('int32');
  const quadrant = int.add(m.cast(n, 'int32'), int.number(shift));
  const has = (bit: number) => int.ne(int.and(quadrant, int.number(bit)), int.number(0));
  const value = m.where(has(1), cos, sin);
  return m.where(has(2), m.neg(value), value);
}

const ATAN = [-3.33329491539e-1, 1.99777106478e-1, -1.38776856032e-1, 8.05374449538e-2];
const ATAN_P = [
  -64.85021904942025, -122.88666844901361, -75.00855792314705, -16.157537187333652, -0.8750608600031904,
];
const ATAN_Q = [
  194.5506571482614, 485.3903996359137, 432.88106049129027, 165.02700983169885, 24.858464901423062, 1,
];

/** Reduced to |t| ≤ tan(π/8) through atan(x) = π/2 − atan(1/x) and atan(x) = π/4 + atan((x − 1)/(x + 1)). */
export function atan(m: Algebra, x: Expr): Expr {
  const a = m.abs(x);
  const one = m.number(1);
  const large = m.lt(m.number(2.414213562373095), a);
  const middle = m.lt(m.number(single(m) ? 0.41421356237309503 : 0.66), a);
  const between = m.div(m.sub(a, one), m.add(a, one));
  const t = m.where(large, m.div(m.number(-1), a), m.where(middle, between, a));
  const start = m.where(large, m.number(Math.PI / 2), m.where(middle, m.number(Math.PI / 4), m.number(0)));
  const z = m.mul(t, t);
  const ratio = single(m) ? m.polynomial(z, ATAN) : m.div(m.polynomial(z, ATAN_P), m.polynomial(z, ATAN_Q));
  const value = m.add(m.mul(m.mul(t, z), ratio), t);
  return m.withSignOf(x, m.add(start, value));
}

/** C's pow on floats: |x|^y, with the signs and exceptions of IEEE 754. */
export function pow(m: Algebra, x: Expr, y: Expr): Expr {
  const [zero, one, many] = [m.number(0), m.number(1), m.number(infinity)];
  const a = m.abs(x);
  const whole = m.eq(m.floor(y), y);
  const odd = m.and(whole, m.ne(m.mul(m.floor(m.mul(y, m.number(0.5))), m.number(2)), y));
  const falls = m.lt(y, zero);
  const atZero = m.where(falls, many, zero);
  const atInfinity = m.where(falls, zero, many);
  const ordinary = single(m) ? carefulPower(m, a, y) : m.exp(m.mul(y, m.log(a)));
  const finite = m.where(m.eq(a, many), atInfinity, ordinary);
  const known = m.where(m.eq(a, one), one, m.where(m.eq(a, zero), atZero, finite));
  const magnitude = m.where(m.or(m.ne(x, x), m.ne(y, y)), m.number(nan), known);
  // 1/x tells −0 from 0.
  const negative = m.or(m.lt(x, zero), m.lt(m.div(one, x), zero));
  const signed = m.where(m.and(negative, odd), m.neg(magnitude), magnitude);
  const impossible = m.and(m.and(m.lt(x, zero), m.lt(a, many)), m.not(whole));
  const value = m.where(impossible, m.number(nan), signed);
  return m.where(m.or(m.eq(y, zero), m.eq(x, one)), one, value);
}

/** Float32 a^y for a > 0: a plain y·log a would lose as many digits as it has before the point, so both are in two parts. */
function carefulPower(m: Algebra, a: Expr, y: Expr): Expr {
  const { e, f } = exponentAndFraction(m, a);
  // log(1 + f) = 2 atanh(s) = 2s + 2s³/3 + …, s = f/(2 + f) in two parts.
  const [below, belowError] = m.twoSum(m.number(2), f);
  const s = m.div(f, below);
  const [back, backError] = m.twoProduct(s, below);
  const rest = m.sub(m.sub(m.sub(f, back), backError), m.mul(s, belowError));
  const z = m.mul(s, s);
  const tail = m.mul(m.mul(s, z), m.polynomial(z, [2 / 3, 2 / 5, 2 / 7, 2 / 9, 2 / 11]));
  const two = m.number(2);
  const [high, lost] = m.twoSum(m.mul(e, m.number(LN2_HIGH)), m.mul(two, s));
  const small = m.add(m.mul(e, m.number(LN2_LOW)), m.add(m.mul(two, m.div(rest, below)), tail));
  const [logarithm, logarithmError] = m.twoSum(high, m.add(lost, small));

  const plain = m.mul(y, logarithm);
  const [power, powerError] = m.twoProduct(y, logarithm);
  const error = m.add(powerError, m.mul(y, logarithmError));
  const rough = m.exp(power);
  const value = m.add(rough, m.mul(rough, error));
  const over = m.lt(m.number(89), plain);
  return m.where(over, m.number(infinity), m.where(m.lt(plain, m.number(-105)), m.number(0), value));
}
