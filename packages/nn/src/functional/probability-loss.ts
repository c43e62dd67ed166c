import {
  autocastOperands,
  DTypeError,
  isAutocastEnabled,
  type Tensor,
  ValueError,
  where,
} from '@neurite/tensor';
import { logsigmoid } from './activation.js';
import { checkSameShape, type Reduction, type ReductionOptions, reduceLoss } from './reduction.js';

/** Losses between probabilities, element by element. */

export interface BCEOptions extends ReductionOptions {
  /** A factor per element, broadcast against the input. */
  weight?: Tensor | null;
}

export interface BCEWithLogitsOptions extends BCEOptions {
  /** Weight of the positive examples, broadcast against the input. */
  posWeight?: Tensor | null;
}

/**
 * −(y·log x + (1 − y)·log(1 − x)), each logarithm at least −100.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.binary_cross_entropy.html
 */
export function binaryCrossEntropy(
  input: Tensor,
  target: Tensor,
  { weight, reduction }: BCEOptions = {},
): Tensor {
  checkSameShape('binaryCrossEntropy', input, target);
  if (isAutocastEnabled())
    throw new DTypeError(
      'binaryCrossEntropy: not safe under autocast, whose float16 rounds probabilities to 0 and 1; use binaryCrossEntropyWithLogits on what went into the sigmoid, or take it out with autocast(fn, { enabled: false })',
    );
  const positive = target.mul(limitedLog(input));
  const negative = target
    .neg()
    .add(1)
    .mul(limitedLog(input.neg().add(1)));
  const losses = positive.add(negative).neg();
  return reduceLoss('binaryCrossEntropy', weight ? losses.mul(weight) : losses, reduction);
}

/**
 * max(log x, −100). Zero is replaced before the logarithm, whose infinite slope would make 0·∞ in the
 * gradient.
 */
function limitedLog(x: Tensor): Tensor {
  const isZero = x.eq(0);
  return where(isZero, -100, where(isZero, 1, x).log().clamp({ min: -100 }));
}

/**
 * Binary cross-entropy of σ(x), from the logits x: (1 − y)·x − (1 + (posWeight − 1)·y)·log σ(x), which
 * neither overflows nor takes the logarithm of zero.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.binary_cross_entropy_with_logits.html
 */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  { weight, posWeight, reduction }: BCEWithLogitsOptions = {},
): Tensor {
  [input, target] = autocastOperands('float32', input, target);
  checkSameShape('binaryCrossEntropyWithLogits', input, target);
  const logProbability = logsigmoid(input);
  const weighted = posWeight ? logProbability.mul(posWeight.sub(1).mul(target).add(1)) : logProbability;
  const losses = target.neg().add(1).mul(input).sub(weighted);
  return reduceLoss('binaryCrossEntropyWithLogits', weight ? losses.mul(weight) : losses, reduction);
}

export interface KLDivOptions {
  /** 'batchmean' divides the sum by the batch size: the mathematical definition. */
  reduction?: Reduction | 'batchmean';
  /** Whether the target is given as logarithms too. */
  logTarget?: boolean;
}

/**
 * y·(log y − x) for log-probabilities x, 0 where y = 0.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.kl_div.html
 */
export function klDiv(
  input: Tensor,
  target: Tensor,
  { reduction = 'mean', logTarget = false }: KLDivOptions = {},
): Tensor {
  [input, target] = autocastOperands('float32', input, target);
  checkSameShape('klDiv', input, target);
  const losses = logTarget ? target.exp().mul(target.sub(input)) : target.mul(safeLog(target).sub(input));
  if (reduction !== 'batchmean') return reduceLoss('klDiv', losses, reduction);
  if (input.ndim === 0) throw new ValueError("klDiv: reduction 'batchmean' needs a batch dimension");
  return losses.sum().div(input.shape[0]);
}

/** log x, and 0 at 0, where the factor x makes the product 0 anyway. */
const safeLog = (x: Tensor): Tensor => where(x.eq(0), 1, x).log();
