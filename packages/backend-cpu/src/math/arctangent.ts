/** atan. */
import { type Lanes, type PerShape, signOf, type Value } from './lanes.js';

interface AtanTable {
  /** (atan u − u)/u³ as a polynomial in u², for u ≤ 1. */
  readonly coefficients: readonly number[];
  /** π/2 as two numbers. */
  readonly halfPi: readonly [number, number];
}

const TABLE: PerShape<AtanTable> = {
  f32x4: {
    coefficients: [
      -0.333331674, 0.199941471, -0.142142847, 0.106792234, -0.0758115947, 0.0435602143, -0.0165852048,
      0.00297557982,
    ],
    halfPi: [1.57079637051, -4.37113882867e-8],
  },
  f64x2: {
    coefficients: [
      -0.33333333333333093, 0.19999999999955462, -0.142857142828035, 0.11111111013685653,
      -0.09090907119861322, 0.07692281193901422, -0.06666415057220129, 0.058805929209001746,
      -0.052538072387031357, 0.047232992637123744, -0.04221733700492456, 0.03669385706414857,
      -0.029986100286243732, 0.022085808634520598, -0.013995613245806577, 0.007263806363881382,
      -0.0029195755397831893, 0.0008435679495239882, -0.0001548152528916019, 1.3491112684370619e-5,
    ],
    halfPi: [1.5707963267948966, 6.123233995736766e-17],
  },
};

/** atan x, through atan x = π/2 − atan 1/x beyond 1. */
export function atan(v: Lanes, x: Value): Value {
  const { coefficients, halfPi } = TABLE[v.shape];
  const a = v.hold(v.abs(x));
  const one = v.constant(1);
  const u = v.hold(v.div(v.pmin(a, one), v.pmax(a, one)));
  const z = v.hold(v.mul(u, u));
  const p = v.hold(v.add(v.mul(v.mul(v.polynomial(z, coefficients), z), u), u));
  const turned = v.sub(v.constant(halfPi[0]), v.sub(p, v.constant(halfPi[1])));
  return v.hold(v.or(v.select(v.gt(a, one), turned, p), signOf(v, x)));
}
