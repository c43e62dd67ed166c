import { hostUniform, type Tensor, ValueError } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { fill, generatorOf, type RandomOptions } from './fill.js';

export interface TruncNormalOptions extends RandomOptions {
  mean?: number;
  std?: number;
  /** Lower limit of the values. */
  a?: number;
  /** Upper limit of the values. */
  b?: number;
}

/**
 * Normal with everything outside [a, b] = [−2, 2] cut off (and not: clamped), by the inverse distribution
 * function of uniform draws. https://pytorch.org/docs/1.13/nn.init.html#torch.nn.init.trunc_normal_
 */
export function truncNormal_<T extends Tensor>(
  tensor: T,
  ...rest: Arguments<TruncNormalOptions, ['mean', 'std', 'a', 'b']>
): T {
  const order = ['mean', 'std', 'a', 'b'] as const;
  const options = readArguments<TruncNormalOptions>('truncNormal_', order, ['generator'], rest);
  const { mean = 0, std = 1, a = -2, b = 2 } = options;
  if (!(std > 0 && a < b))
    throw new ValueError(`truncNormal_: needs std > 0 and a < b, got std ${std}, a ${a}, b ${b}`);
  const low = normalCdf((a - mean) / std);
  const high = normalCdf((b - mean) / std);
  const draws = hostUniform(generatorOf(options), tensor.numel, 0, 1);
  const values = Float64Array.from(draws, (u) => mean + std * inverseNormalCdf(low + u * (high - low)));
  return fill(
    tensor,
    values.map((value) => Math.min(Math.max(value, a), b)),
  );
}

/** Φ(x) by its power series about 0, whose terms all have one sign: exact to about 1e-15. Marsaglia 2004. */
function normalCdf(x: number): number {
  if (x < -8) return 0;
  if (x > 8) return 1;
  let term = x;
  let sum = x;
  for (let i = 3; Math.abs(term) > 1e-17 * Math.abs(sum) && i < 500; i += 2) {
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

const CENTRE = [
  -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1,
  2.506628277459239,
];
const CENTRE_BELOW = [
  -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1,
  1,
];
const TAIL = [
  -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
  2.938163982698783,
];
const TAIL_BELOW = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1];

/** Φ⁻¹(p) to a relative error of 1.15e-9: P. J. Acklam's rational approximation (2003). */
function inverseNormalCdf(p: number): number {
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return polynomial(TAIL, q) / polynomial(TAIL_BELOW, q);
  }
  if (p > 1 - 0.02425) return -inverseNormalCdf(1 - p);
  const q = p - 0.5;
  return (polynomial(CENTRE, q * q) * q) / polynomial(CENTRE_BELOW, q * q);
}

const polynomial = (coefficients: readonly number[], x: number): number =>
  coefficients.reduce((sum, c) => sum * x + c, 0);
