/**
 * The error function in float64, error below 1 ulp: the rational approximations of FreeBSD's msun `s_erf.c`
 * (Sun Microsystems, 1993), evaluated by Horner's rule.
 */

function horner(x: number, coefficients: readonly number[]): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + coefficients[i];
  return sum;
}

// |x| < 0.84375: erf(x) = x + x·P(x²)/Q(x²).
export const PP = [
  0.12837916709551256, -0.3250421072470015, -0.02848174957559851, -0.005770270296489442,
  -2.3763016656650163e-5,
];
export const QQ = [
  1, 0.39791722395915535, 0.0650222499887673, 0.005081306281875766, 0.00013249473800432164,
  -3.960228278775368e-6,
];
// 0.84375 ≤ |x| < 1.25: erf(x) = ERX + P(|x|−1)/Q(|x|−1).
export const ERX = 0.8450629115104675;
export const PA = [
  -0.0023621185607526594, 0.41485611868374833, -0.3722078760357013, 0.31834661990116175, -0.11089469428239668,
  0.035478304325618236, -0.002166375594868791,
];
export const QA = [
  1, 0.10642088040084423, 0.540397917702171, 0.07182865441419627, 0.12617121980876164, 0.01363708391202905,
  0.011984499846799107,
];
// 1.25 ≤ |x| < 1/0.35: erfc(x) = exp(−x²−0.5625+R(1/x²)/S(1/x²))/|x|.
export const RA = [
  -0.009864944034847148, -0.6938585727071818, -10.558626225323291, -62.375332450326006, -162.39666946257347,
  -184.60509290671104, -81.2874355063066, -9.814329344169145,
];
export const SA = [
  1, 19.651271667439257, 137.65775414351904, 434.56587747522923, 645.3872717332679, 429.00814002756783,
  108.63500554177944, 6.570249770319282, -0.0604244152148581,
];
// 1/0.35 ≤ |x| < 6: the same form.
export const RB = [
  -0.0098649429247001, -0.799283237680523, -17.757954917754752, -160.63638485582192, -637.5664433683896,
  -1025.0951316110772, -483.5191916086514,
];
export const SB = [
  1, 30.33806074348246, 325.7925129965739, 1536.729586084437, 3199.8582195085955, 2553.0504064331644,
  474.52854120695537, -22.44095244658582,
];

/** 2/√π · ∫₀ˣ exp(−t²) dt. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (a < 0.84375) {
    const z = x * x;
    return x + x * (horner(z, PP) / horner(z, QQ));
  }
  if (a < 1.25) {
    const s = a - 1;
    return Math.sign(x) * (ERX + horner(s, PA) / horner(s, QA));
  }
  if (a >= 6) return Math.sign(x);
  const s = 1 / (a * a);
  const ratio = a < 1 / 0.35 ? horner(s, RA) / horner(s, SA) : horner(s, RB) / horner(s, SB);
  return Math.sign(x) * (1 - Math.exp(-a * a - 0.5625 + ratio) / a);
}
