import { autocastOperands, ShapeError, type Tensor, where } from '@neurite/tensor';
import { constant } from '../like.js';
import { type ReductionOptions, reduceLoss } from './reduction.js';

/** Negative log-likelihoods of distributions. */

export interface PoissonNLLLossOptions extends ReductionOptions {
  /** Whether the input is the logarithm of the rate. */
  logInput?: boolean;
  /** Whether Stirling's approximation of log(target!) is added for targets above 1. */
  full?: boolean;
  /** Added to a rate whose logarithm is taken. */
  eps?: number;
}

/**
 * exp(x) − y·x, or x − y·log(x + eps) of rates that are no logarithms.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.poisson_nll_loss.html
 */
export function poissonNllLoss(
  input: Tensor,
  target: Tensor,
  { logInput = true, full = false, eps = 1e-8, reduction }: PoissonNLLLossOptions = {},
): Tensor {
  [input, target] = autocastOperands('float32', input, target);
  const losses: Tensor = logInput
    ? input.exp().sub(target.mul(input) as Tensor)
    : input.sub(target.mul(input.add(eps).log()) as Tensor);
  if (!full) return reduceLoss('poissonNllLoss', losses, reduction);
  const stirling: Tensor = target
    .mul(target.log())
    .sub(target)
    .add(
      target
        .mul(2 * Math.PI)
        .log()
        .mul(0.5),
    );
  return reduceLoss('poissonNllLoss', losses.add(where(target.gt(1), stirling, 0)), reduction);
}

export interface GaussianNLLLossOptions extends ReductionOptions {
  /** Whether the constant ½·log 2π is added. */
  full?: boolean;
  /** The variance is taken to be no smaller; its gradient passes all the same. */
  eps?: number;
}

/**
 * ½·(log var + (x − y)² / var). The variance has the input's shape, or it without the last dimension or with size 1 there.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.gaussian_nll_loss.html
 */
export function gaussianNllLoss(
  input: Tensor,
  target: Tensor,
  variance: Tensor,
  { full = false, eps = 1e-6, reduction }: GaussianNLLLossOptions = {},
): Tensor {
  const spread = alignVariance(input, variance);
  const least = constant(spread, eps);
  const limited = where(spread.lt(least), least.add(spread.sub(spread.detach())), spread);
  const squares: Tensor = input.sub(target).square();
  const losses: Tensor = limited.log().add(squares.div(limited)).mul(0.5);
  const constantPart = constant(losses, 0.5 * Math.log(2 * Math.PI));
  return reduceLoss('gaussianNllLoss', full ? losses.add(constantPart) : losses, reduction);
}

function alignVariance(input: Tensor, variance: Tensor): Tensor {
  const [shape, own] = [input.shape, variance.shape];
  const equal = (a: readonly number[], b: readonly number[]) =>
    a.length === b.length && a.every((s, d) => s === b[d]);
  if (equal(shape, own)) return variance;
  if (equal(shape.slice(0, -1), own)) return variance.unsqueeze(-1);
  if (own.at(-1) === 1 && equal(shape.slice(0, -1), own.slice(0, -1))) return variance;
  throw new ShapeError(
    `gaussianNllLoss: the variance [${own.join(', ')}] must have the shape of the input [${shape.join(', ')}], or it without the last size or with 1 there`,
  );
}
