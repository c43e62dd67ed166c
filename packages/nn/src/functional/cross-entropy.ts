import {
  arange,
  autocastOperands,
  DTypeError,
  isFloat,
  type Shape,
  ShapeError,
  type Tensor,
  ValueError,
  where,
} from '@neurite/tensor';
import { constant, deviceOf } from '../like.js';
import { checkIndices } from './indices.js';
import { checkSameShape, type Reduction, type ReductionOptions, reduceLoss } from './reduction.js';

export interface NLLLossOptions extends ReductionOptions {
  /** One factor per class. */
  weight?: Tensor | null;
  /** Targets with this value count for nothing. */
  ignoreIndex?: number;
}

export interface CrossEntropyOptions extends NLLLossOptions {
  /** Share of the target that is spread evenly over all classes. */
  labelSmoothing?: number;
}

/** What the targets of a batch pick: all tensors have the target's shape. */
interface Picked {
  /** −weight[target] · logProbability[target], 0 where ignored. */
  readonly losses: Tensor;
  /** weight[target], 0 where ignored. */
  readonly weights: Tensor;
  /** Whether the target counts. */
  readonly valid: Tensor<Shape, 'bool'>;
}

/**
 * Negative log-likelihood: input of log-probabilities [N, C, …] or [C], target of class numbers [N, …] or [].
 * The mean is weighted: Σ losses / Σ weights.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.nll_loss.html
 */
export function nllLoss(input: Tensor, target: Tensor, options: NLLLossOptions = {}): Tensor {
  [input] = autocastOperands('float32', input);
  const { losses, weights } = pick('nllLoss', input, target, options);
  return reduceWeighted('nllLoss', losses, weights, options.reduction);
}

/**
 * Cross-entropy of logits [N, C, …] or [C] against class numbers [N, …] or [], or against probabilities of
 * the logits' shape (a floating-point target). Softmax, loss and gradient are written so that they fuse: the
 * target's logit is selected by comparing class numbers, not by a gather.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.cross_entropy.html
 */
export function crossEntropy(input: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  [input] = autocastOperands('float32', input);
  const { labelSmoothing = 0, reduction = 'mean', weight } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new ValueError(`crossEntropy: labelSmoothing must be between 0 and 1, got ${labelSmoothing}`);
  }
  const dim = classDim('crossEntropy', input);
  const logProbabilities = input.logSoftmax(dim);
  if (isFloat(target.dtype)) return probabilityLoss(logProbabilities, target, dim, options);
  const { losses, weights, valid } = pick('crossEntropy', logProbabilities, target, options);
  const hard = reduceWeighted('crossEntropy', losses, weights, reduction);
  if (labelSmoothing === 0) return hard;
  const weighted = weight ? logProbabilities.mul(alongClasses(weight, input)) : logProbabilities;
  const spread = where(valid, weighted.sum(dim).neg(), 0);
  const soft = reduceWeighted('crossEntropy', spread, weights, reduction);
  const share = constant(hard, labelSmoothing / input.shape[dim]);
  return hard.mul(constant(hard, 1 - labelSmoothing)).add(soft.mul(share));
}

function probabilityLoss(
  logProbabilities: Tensor,
  target: Tensor,
  dim: number,
  options: CrossEntropyOptions,
): Tensor {
  const { labelSmoothing = 0, reduction = 'mean', weight, ignoreIndex = -100 } = options;
  if (target.ndim === logProbabilities.ndim - 1)
    throw new DTypeError(
      `crossEntropy: class numbers must be int32, got ${target.dtype} [${target.shape.join(', ')}] for logits [${logProbabilities.shape.join(', ')}]; make them with tensor(data, { dtype: 'int32' })`,
    );
  checkSameShape('crossEntropy', logProbabilities, target);
  if (ignoreIndex >= 0)
    throw new ValueError('crossEntropy: ignoreIndex has no meaning for a target of probabilities');
  const classes = logProbabilities.shape[dim];
  checkWeight('crossEntropy', weight, classes);
  const smooth =
    labelSmoothing > 0
      ? target.mul(constant(target, 1 - labelSmoothing)).add(constant(target, labelSmoothing / classes))
      : target;
  const products = logProbabilities.mul(smooth);
  const losses = (weight ? products.mul(alongClasses(weight, logProbabilities)) : products).sum(dim).neg();
  // The mean is over samples and not weighted, unlike that of class numbers.
  return reduceLoss('crossEntropy', losses, reduction);
}

function pick(
  name: string,
  input: Tensor,
  target: Tensor,
  { weight, ignoreIndex = -100 }: NLLLossOptions,
): Picked {
  const dim = classDim(name, input);
  const expected = input.shape.filter((_, d) => d !== dim);
  if (target.ndim !== expected.length || expected.some((size, d) => size !== target.shape[d])) {
    throw new ShapeError(
      `${name}: for input [${input.shape.join(', ')}] the target must have shape [${expected.join(', ')}], got [${target.shape.join(', ')}]`,
    );
  }
  checkIndices(name, 'class numbers', target, input.shape[dim], ignoreIndex);
  checkWeight(name, weight, input.shape[dim]);
  const labels: Tensor = target.to('int32');
  const valid = labels.ne(constant(labels, ignoreIndex));
  const numbers = alongClasses(arange(input.shape[dim], { dtype: 'int32', device: deviceOf(input) }), input);
  const isTarget = numbers.eq(labels.unsqueeze(dim)).logicalAnd(valid.unsqueeze(dim));
  const select = (values: Tensor): Tensor => where(isTarget, values, 0).sum(dim);
  const weights = weight ? select(alongClasses(weight, input)) : valid.to(input.dtype);
  return { losses: select(weight ? input.mul(alongClasses(weight, input)) : input).neg(), weights, valid };
}

/** The dimension of the classes: 1, or 0 for a single sample. */
function classDim(name: string, input: Tensor): number {
  if (input.ndim === 0) throw new ShapeError(`${name}: the input needs a dimension of classes, got []`);
  return input.ndim === 1 ? 0 : 1;
}

/** A vector over the classes, shaped to broadcast against [N, C, …] or [C]. */
const alongClasses = (values: Tensor, input: Tensor): Tensor =>
  values.reshape([-1, ...input.shape.slice(2).map(() => 1)]);

function checkWeight(name: string, weight: Tensor | null | undefined, classes: number): void {
  if (weight && (weight.ndim !== 1 || weight.shape[0] !== classes)) {
    throw new ShapeError(
      `${name}: the weight must have one element for each of ${classes} classes, got [${weight.shape.join(', ')}]`,
    );
  }
}

function reduceWeighted(
  name: string,
  losses: Tensor,
  weights: Tensor,
  reduction: Reduction = 'mean',
): Tensor {
  return reduction === 'mean' ? losses.sum().div(weights.sum()) : reduceLoss(name, losses, reduction);
}
