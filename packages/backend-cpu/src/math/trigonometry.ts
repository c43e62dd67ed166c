/** sin and cos. */
import { reduceLarge } from './halfPi.js';
import { type Lanes, lanesOf, type PerShape, signOf, type Value } from './lanes.js';

interface TrigTable {
  /** (sin r − r)/r³ and (cos r − 1 + r²/2)/r⁴ as polynomials in r², for |r| ≤ π/4. */
  readonly sin: readonly number[];
  readonly cos: readonly number[];
}

const TABLE: PerShape<TrigTable> = {
  f32x4: {
    sin: [-0.166666552, 0.00833218452, -0.000195172164],
    cos: [0.0416666456, -0.00138873013, 2.44306666e-5],
  },
  f64x2: {
    sin: [
      -0.1666666666666663, 0.00833333333332179, -0.00019841269829285304, 2.7557313503421362e-6,
      -2.505072758256928e-8, 1.5894972013013456e-10,
    ],
    cos: [
      0.041666666666666595, -0.0013888888888873303, 2.4801587288946924e-5, -2.755731419168035e-7,
      2.087570067608777e-9, -1.135844119195768e-11,
    ],
  },
};

/** π/2 as parts of 33 bits, each with what remains after it: n times a part is exact for n < 2²⁰. */
const HALF_PI_PARTS = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21] as const;
const HALF_PI_AFTER_ONE = 6.077100506506192e-11;
const HALF_PI_AFTER_THREE = 8.4784276603689e-32;
const LIMIT = 1.6e6;

/** x = q·π/2 + r + tail; the low bits of the integer lanes `q` tell the quadrant. */
interface Reduction {
  readonly r: Value;
  readonly tail: Value | null;
  readonly q: Value;
}

/** Nearest multiple of π/2: `count` as a float, `q` in the low bits. */
function nearestMultiple(v: Lanes, x: Value): { count: Value; q: Value } {
  const magic = v.constant(1.5 * 2 ** v.mantissa);
  const q = v.hold(v.add(v.mul(x, v.constant(2 / Math.PI)), magic));
  return { count: v.hold(v.sub(q, magic)), q };
}

/** Replaces the lanes of r, tail and q whose x is finite and beyond the reach of the fast reduction. */
function repairLarge(v: Lanes, x: Value, reduced: Reduction): Reduction {
  const { f, module } = v;
  const [r, tail, q] = [f.local('v128'), f.local('v128'), f.local('v128')];
  reduced.r();
  f.set(r);
  reduced.tail?.();
  if (reduced.tail) f.set(tail);
  reduced.q();
  f.set(q);
  v.gt(v.abs(x), v.constant(LIMIT))();
  f.op('v128.any_true');
  f.if_();
  const element = f.local('f64');
  const newR = f.local('f64');
  const newQ = f.local('i64');
  for (const lane of [0, 1]) {
    x();
    f.lane('f64x2.extract_lane', lane);
    f.set(element);
    // LIMIT < |x| < ∞
    f.get(element);
    f.op('f64.abs');
    f.f64(LIMIT);
    f.op('f64.gt');
    f.get(element);
    f.op('f64.abs');
    f.f64(Number.POSITIVE_INFINITY);
    f.op('f64.lt');
    f.op('i32.and');
    f.if_();
    f.get(element);
    f.call(reduceLarge(module));
    f.set(newQ);
    f.set(newR);
    f.get(r);
    f.get(newR);
    f.lane('f64x2.replace_lane', lane);
    f.set(r);
    f.get(tail);
    f.f64(0);
    f.lane('f64x2.replace_lane', lane);
    f.set(tail);
    f.get(q);
    f.get(newQ);
    f.lane('i64x2.replace_lane', lane);
    f.set(q);
    f.end();
  }
  f.end();
  return { r: () => f.get(r), tail: reduced.tail && (() => f.get(tail)), q: () => f.get(q) };
}

/** a − b as a rounded difference and its exact error (Knuth). */
function twoDifference(v: Lanes, a: Value, b: Value): [Value, Value] {
  const difference = v.hold(v.sub(a, b));
  const taken = v.hold(v.sub(difference, a));
  return [difference, v.hold(v.sub(v.sub(a, v.sub(difference, taken)), v.add(b, taken)))];
}

function reduceDouble(v: Lanes, x: Value): Reduction {
  const { count, q } = nearestMultiple(v, x);
  const times = (part: number) => v.hold(v.mul(count, v.constant(part)));
  const first = v.hold(v.sub(x, times(HALF_PI_PARTS[0])));
  const [second, secondError] = twoDifference(v, first, times(HALF_PI_PARTS[1]));
  const [third, thirdError] = twoDifference(v, second, times(HALF_PI_PARTS[2]));
  const rest = v.hold(v.sub(v.add(secondError, thirdError), times(HALF_PI_AFTER_THREE)));
  // The sign matters where −0 + 0 would lose it.
  const r = v.hold(v.or(v.add(third, rest), signOf(v, third)));
  return repairLarge(v, x, { r, tail: v.add(v.sub(third, r), rest), q });
}

const UPPER_HALF = [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7];

/** Lanes of a float32 vector as two float64 vectors. */
export function promoteHalves(v: Lanes, x: Value): [Value, Value] {
  const { f } = v;
  const low = v.hold(() => {
    x();
    f.op('f64x2.promote_low_f32x4');
  });
  const high = v.hold(() => {
    x();
    x();
    f.shuffle(UPPER_HALF);
    f.op('f64x2.promote_low_f32x4');
  });
  return [low, high];
}

/** Two float64 vectors as the lanes of a float32 vector. */
export function demoteHalves(v: Lanes, low: Value, high: Value): Value {
  const { f } = v;
  return v.hold(() => {
    for (const half of [low, high]) {
      half();
      f.op('f32x4.demote_f64x2_zero');
    }
    f.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
  });
}

/** In float64, where two parts of π/2 are far more than float32 can tell. */
function reduceSingle(v: Lanes, x: Value): Reduction {
  const { f } = v;
  const wide = lanesOf(v.module, f, 'f64x2');
  const halves = promoteHalves(v, x).map((half) => {
    const { count, q } = nearestMultiple(wide, half);
    const first = wide.sub(half, wide.mul(count, wide.constant(HALF_PI_PARTS[0])));
    const r = wide.sub(first, wide.mul(count, wide.constant(HALF_PI_AFTER_ONE)));
    return repairLarge(wide, half, { r, tail: null, q });
  });
  const [low, high] = halves as [Reduction, Reduction];
  const q = v.hold(() => {
    low.q();
    high.q();
    f.shuffle([0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]);
  });
  return { r: demoteHalves(v, low.r, high.r), tail: null, q };
}

/** sin(x + quarterTurns·π/2). */
function sine(v: Lanes, x: Value, quarterTurns: 0 | 1): Value {
  const table = TABLE[v.shape];
  const reduced = v.shape === 'f64x2' ? reduceDouble(v, x) : reduceSingle(v, x);
  const { r } = reduced;
  const tail = reduced.tail && v.hold(reduced.tail);
  const one = v.constant(1);
  const z = v.hold(v.mul(r, r));
  const halfZ = v.hold(v.mul(z, v.constant(0.5)));
  const quadrant = v.hold(v.iadd(reduced.q, v.bits(BigInt(quarterTurns))));

  const cubic = v.mul(v.mul(v.polynomial(z, table.sin), z), r);
  const sinRest = tail ? v.add(cubic, v.sub(tail, v.mul(tail, halfZ))) : cubic;
  const sin = v.or(v.add(r, sinRest), signOf(v, r));
  // 1 − z/2 loses bits that are added back to the small terms.
  const w = v.hold(v.sub(one, halfZ));
  const quartic = v.mul(v.mul(v.polynomial(z, table.cos), z), z);
  const cosRest = tail ? v.sub(quartic, v.mul(r, tail)) : quartic;
  const cos = v.add(w, v.add(v.sub(v.sub(one, w), halfZ), cosRest));

  const odd = v.isub(v.bits(0n), v.and(quadrant, v.bits(1n)));
  const sign = v.shl(v.and(quadrant, v.bits(2n)), v.shape === 'f64x2' ? 62 : 30);
  return v.hold(v.xor(v.select(odd, cos, sin), sign));
}

/** sin x, accurate for every finite x. */
export const sin = (v: Lanes, x: Value): Value => sine(v, x, 0);
/** cos x, accurate for every finite x. */
export const cos = (v: Lanes, x: Value): Value => sine(v, x, 1);
