/** sin and cos. */

import type { Reduction, Repair } from './angles.js';
import { doubles } from './doubles.js';
import { demoteHalves, promoteHalves } from './halves.js';
import { type Lanes, lanesOf, signOf, type Value } from './lanes.js';

export interface TrigTable {
  /** (sin r − r)/r³ and (cos r − 1 + r²/2)/r⁴ as polynomials in r², for |r| ≤ π/4. */
  readonly sin: readonly number[];
  readonly cos: readonly number[];
}

const SINGLE: TrigTable = {
  sin: [-0.166666552, 0.00833218452, -0.000195172164],
  cos: [0.0416666456, -0.00138873013, 2.44306666e-5],
};

const tableOf = ({ shape }: Lanes): TrigTable => (shape === 'f32x4' ? SINGLE : doubles().trigonometry);

/** π/2 as parts of 33 bits, each with what remains after it: n times a part is exact for n < 2²⁰. */
const HALF_PI_PARTS = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21] as const;
const HALF_PI_AFTER_ONE = 6.077100506506192e-11;
const HALF_PI_AFTER_THREE = 8.4784276603689e-32;

/** Nearest multiple of π/2: `count` as a float, `q` in the low bits. */
function nearestMultiple(v: Lanes, x: Value): { count: Value; q: Value } {
  const magic = v.constant(1.5 * 2 ** v.mantissa);
  const q = v.hold(v.add(v.mul(x, v.constant(2 / Math.PI)), magic));
  return { count: v.hold(v.sub(q, magic)), q };
}

/** a − b as a rounded difference and its exact error (Knuth). */
function twoDifference(v: Lanes, a: Value, b: Value): [Value, Value] {
  const difference = v.hold(v.sub(a, b));
  const taken = v.hold(v.sub(difference, a));
  return [difference, v.hold(v.sub(v.sub(a, v.sub(difference, taken)), v.add(b, taken)))];
}

function reduceDouble(v: Lanes, x: Value, repair?: Repair): Reduction {
  const { count, q } = nearestMultiple(v, x);
  const times = (part: number) => v.hold(v.mul(count, v.constant(part)));
  const first = v.hold(v.sub(x, times(HALF_PI_PARTS[0])));
  const [second, secondError] = twoDifference(v, first, times(HALF_PI_PARTS[1]));
  const [third, thirdError] = twoDifference(v, second, times(HALF_PI_PARTS[2]));
  const rest = v.hold(v.sub(v.add(secondError, thirdError), times(HALF_PI_AFTER_THREE)));
  // The sign matters where −0 + 0 would lose it.
  const r = v.hold(v.or(v.add(third, rest), signOf(v, third)));
  const reduced = { r, tail: v.add(v.sub(third, r), rest), q };
  return repair ? repair(v, x, reduced) : reduced;
}

/** In float64, where two parts of π/2 are far more than float32 can tell. */
function reduceSingle(v: Lanes, x: Value, repair?: Repair): Reduction {
  const { f } = v;
  const wide = lanesOf(v.module, f, 'f64x2');
  const halves = promoteHalves(v, x).map((half) => {
    const { count, q } = nearestMultiple(wide, half);
    const first = wide.sub(half, wide.mul(count, wide.constant(HALF_PI_PARTS[0])));
    const r = wide.sub(first, wide.mul(count, wide.constant(HALF_PI_AFTER_ONE)));
    const reduced = { r, tail: null, q };
    return repair ? repair(wide, half, reduced) : reduced;
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
function sine(v: Lanes, x: Value, quarterTurns: 0 | 1, repair?: Repair): Value {
  const table = tableOf(v);
  const reduced = v.shape === 'f64x2' ? reduceDouble(v, x, repair) : reduceSingle(v, x, repair);
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

/** sin x: accurate for every finite x where `repair` is given, else for small ones. */
export const sin = (v: Lanes, x: Value, repair?: Repair): Value => sine(v, x, 0, repair);
/** cos x, likewise. */
export const cos = (v: Lanes, x: Value, repair?: Repair): Value => sine(v, x, 1, repair);
