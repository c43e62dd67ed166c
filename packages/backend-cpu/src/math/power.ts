/** pow: e^(y·log |x|), in double-double arithmetic for float64 and in plain float64 for float32. */
import { expAnywhere } from './exponential.js';
import { demoteHalves, promoteHalves } from './halves.js';
import { type Lanes, lanesOf, signOf, type Value } from './lanes.js';
import { log, splitExponent } from './logarithm.js';

/** An unevaluated sum: `low` is at most half an ulp of `high`. */
type Pair = readonly [high: Value, low: Value];

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const TWO_THIRDS = [0.6666666666666666, 3.700743415417188e-17] as const;
/** (log((1+s)/(1−s))/s − 2 − ⅔s²)/s⁴ as a polynomial in s². */
const LOG_REST = [
  0.4000000000000242, 0.2857142857001584, 0.22222222535503958, 0.18181782953670855, 0.15386824535925064,
  0.13255208387741754, 0.13211643068962373,
];

/** Veltkamp's split into halves of 26 bits. */
function split(v: Lanes, a: Value): Pair {
  const c = v.hold(v.mul(a, v.constant(2 ** 27 + 1)));
  const high = v.hold(v.sub(c, v.sub(c, a)));
  return [high, v.hold(v.sub(a, high))];
}

/** a·b exactly (Dekker). */
function twoProduct(v: Lanes, a: Value, b: Value): Pair {
  const product = v.hold(v.mul(a, b));
  const [ah, al] = split(v, a);
  const [bh, bl] = split(v, b);
  const error = v.add(v.sub(v.mul(ah, bh), product), v.add(v.mul(ah, bl), v.mul(al, bh)));
  return [product, v.hold(v.add(error, v.mul(al, bl)))];
}

/** a + b exactly where |a| ≥ |b| or a = 0. */
function fastTwoSum(v: Lanes, a: Value, b: Value): Pair {
  const sum = v.hold(v.add(a, b));
  return [sum, v.hold(v.sub(b, v.sub(sum, a)))];
}

/** log x of a positive finite float64 with about 65 bits. */
function logPair(v: Lanes, x: Value): Pair {
  const subnormal = v.hold(v.lt(x, v.constant(2 ** -1022)));
  const { k: biased, m } = splitExponent(v, v.hold(v.select(subnormal, v.mul(x, v.constant(2 ** 53)), x)));
  const k = v.hold(v.sub(biased, v.and(subnormal, v.constant(53))));
  const f = v.hold(v.sub(m, v.constant(1)));
  const two = v.constant(2);
  const denominator = v.hold(v.add(f, two));
  const denominatorLow = v.sub(f, v.sub(denominator, two));
  const s = v.hold(v.div(f, denominator));
  const [back, backLow] = twoProduct(v, s, denominator);
  const remainder = v.sub(v.sub(v.sub(f, back), backLow), v.mul(s, denominatorLow));
  const sLow = v.hold(v.div(remainder, denominator));
  const [z, zError] = twoProduct(v, s, s);
  const zLow = v.hold(v.add(zError, v.mul(v.mul(s, sLow), two)));
  const [cube, cubeError] = twoProduct(v, s, z);
  const cubeLow = v.add(cubeError, v.add(v.mul(s, zLow), v.mul(sLow, z)));
  const third = v.constant(TWO_THIRDS[0]);
  const [cubic, cubicError] = twoProduct(v, cube, third);
  const cubicLow = v.add(cubicError, v.add(v.mul(cube, v.constant(TWO_THIRDS[1])), v.mul(cubeLow, third)));
  const rest = v.mul(v.mul(v.mul(z, z), s), v.polynomial(z, LOG_REST));
  const [sum, sumError] = fastTwoSum(v, v.hold(v.mul(k, v.constant(LN2_HIGH))), v.hold(v.mul(s, two)));
  const [total, totalError] = fastTwoSum(v, sum, cubic);
  const small = v.add(v.mul(sLow, two), v.add(v.add(cubicLow, rest), v.mul(k, v.constant(LN2_LOW))));
  return fastTwoSum(v, total, v.hold(v.add(v.add(sumError, totalError), small)));
}

/** aʸ of a ≥ 0; NaN in place of 0^±0, ∞^±0 and 1^±∞. */
function magnitudeDouble(v: Lanes, a: Value, y: Value): Value {
  const [high, low] = logPair(v, a);
  const plain = v.hold(v.mul(y, log(v, a)));
  const [product, error] = twoProduct(v, y, high);
  // Beyond the range of exp, and for 0, ∞ and NaN, the pair holds nothing of use.
  const inRange = v.hold(v.lt(v.abs(plain), v.constant(1000)));
  const tail = v.hold(v.and(inRange, v.add(error, v.mul(y, low))));
  return expAnywhere(v, v.hold(v.select(inRange, product, plain)), tail);
}

function magnitudeSingle(v: Lanes, a: Value, y: Value): Value {
  const wide = lanesOf(v.module, v.f, 'f64x2');
  const bases = promoteHalves(v, a);
  const exponents = promoteHalves(v, y);
  const [low, high] = [0, 1].map((i) =>
    expAnywhere(wide, wide.hold(wide.mul(exponents[i]!, log(wide, bases[i]!)))),
  );
  return demoteHalves(v, low!, high!);
}

/** xʸ with the special cases of C's `pow`. */
export function pow(v: Lanes, x: Value, y: Value): Value {
  const a = v.hold(v.abs(x));
  const magnitude = v.shape === 'f64x2' ? magnitudeDouble(v, a, y) : magnitudeSingle(v, a, y);
  const [zero, one, infinity] = [0, 1, Number.POSITIVE_INFINITY].map(v.constant) as [Value, Value, Value];
  const integral = v.hold(v.trunc(y));
  const whole = v.eq(integral, y);
  const half = v.hold(v.mul(y, v.constant(0.5)));
  const odd = v.and(whole, v.ne(v.trunc(half), half));
  const signed = v.or(magnitude, v.and(signOf(v, x), odd));
  // A negative finite base has no power with a fractional exponent.
  const finiteNegative = v.and(v.lt(x, zero), v.lt(a, infinity));
  const invalid = v.and(finiteNegative, v.ne(integral, y));
  const unit = v.and(v.eq(a, one), v.eq(v.abs(y), infinity));
  const alwaysOne = v.or(v.or(v.eq(y, zero), v.eq(x, one)), unit);
  return v.hold(v.select(alwaysOne, one, v.select(invalid, v.constant(Number.NaN), signed)));
}
