/** erf: x + x·P(x²) near 0, and 1 − e^(−|x|·Q(|x|)) farther out, where Q = −log(erfc x)/x is smooth. */
import { expNormal } from './exponential.js';
import { type Lanes, type PerShape, signOf, type Value } from './lanes.js';

interface ErfTable {
  readonly split: number;
  /** From here on erf rounds to 1. */
  readonly max: number;
  readonly near: readonly number[];
  readonly far: readonly number[];
}

const TABLE: PerShape<ErfTable> = {
  f32x4: {
    split: 0.925,
    max: 4,
    near: [0.128379151, -0.376124978, 0.112818271, -0.026766235, 0.00499177305, -0.000598029699],
    far: [1.12851989, 0.63569957, 0.105286598, -0.0229058806, 0.00321993651, -0.00021459187],
  },
  f64x2: {
    split: 1,
    max: 5.95,
    near: [
      0.1283791670955126, -0.3761263890318411, 0.11283791670972064, -0.0268661706482809, 0.005223977655682425,
      -0.0008548328735052529, 0.00012055394317836563, -1.4927094442204397e-5, 1.6484721706803024e-6,
      -1.6598228978057908e-7, 1.6302953615264237e-8, -1.7629446662103554e-9, 1.6380046368684196e-10,
    ],
    far: [
      1.128378864300294, 0.6366225748860466, 0.10276067324067324, -0.019097596788354952,
      -0.00026295259746490703, 0.0017619813596349199, -0.0006463269307684275, 5.635694297951087e-5,
      5.953711855398781e-5, -3.827032669537743e-5, 1.3429662799247989e-5, -3.272244177712727e-6,
      5.788571412361887e-7, -7.362951901353017e-8, 6.417613105668807e-9, -3.440733921791175e-10,
      8.565975743540822e-12,
    ],
  },
};

/** The error function. */
export function erf(v: Lanes, x: Value): Value {
  const { split, max, near, far } = TABLE[v.shape];
  const a = v.hold(v.pmin(v.abs(x), v.constant(max)));
  const z = v.hold(v.mul(a, a));
  const small = v.hold(v.add(v.mul(v.polynomial(z, near), a), a));
  // Of no use for NaN, which goes the way of small numbers.
  const large = v.sub(v.constant(1), expNormal(v, v.hold(v.neg(v.mul(v.polynomial(a, far), a)))));
  return v.hold(v.or(v.select(v.gt(a, v.constant(split)), large, small), signOf(v, x)));
}
