import { autocastOperands, type Tensor, where } from '@neurite/tensor';
import { constant } from '../like.js';
import { logsigmoid } from './activation.js';
import { checkSameShape, type ReductionOptions, reduceLoss } from './reduction.js';
import { floats, pairwiseDistance } from './similarity.js';

/** Losses that ask for a distance between right and wrong: nothing is to be gained beyond the margin. */

export interface MarginLossOptions extends ReductionOptions {
  margin?: number;
}

const atLeastZero = (x: Tensor): Tensor => x.clamp({ min: 0 });

/**
 * max(0, −y·(x₁ − x₂) + margin): y = 1 wants x₁ greater, y = −1 x₂. The margin is 0 unless given.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.margin_ranking_loss.html
 */
export function marginRankingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  { margin = 0, reduction }: MarginLossOptions = {},
): Tensor {
  [input1, input2, target] = autocastOperands('float32', input1, input2, target);
  checkSameShape('marginRankingLoss', input1, input2);
  checkSameShape('marginRankingLoss', input1, target);
  const lead = floats(target.mul(input1.sub(input2) as Tensor));
  return reduceLoss('marginRankingLoss', atLeastZero(lead.neg().add(constant(lead, margin))), reduction);
}

/**
 * x for y = 1, max(0, margin − x) for y = −1; the margin is 1 unless given.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.hinge_embedding_loss.html
 */
export function hingeEmbeddingLoss(
  input: Tensor,
  target: Tensor,
  { margin = 1, reduction }: MarginLossOptions = {},
): Tensor {
  [input, target] = autocastOperands('float32', input, target);
  const apart = where(target.ne(1), atLeastZero(constant(input, margin).sub(input)), 0);
  const near = where(target.ne(-1), input, 0);
  return reduceLoss('hingeEmbeddingLoss', near.add(apart), reduction);
}

/**
 * 1 − cos(x₁, x₂) for y = 1, max(0, cos(x₁, x₂) − margin) for y = −1, of vectors in the last dimension.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.cosine_embedding_loss.html
 */
export function cosineEmbeddingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  { margin = 0, reduction }: MarginLossOptions = {},
): Tensor {
  [input1, input2, target] = autocastOperands('float32', input1, input2, target);
  checkSameShape('cosineEmbeddingLoss', input1, input2);
  const product = (a: Tensor, b: Tensor): Tensor => a.mul(b).sum(-1);
  const squared = (x: Tensor): Tensor => product(x, x).add(1e-12);
  const cosine = product(input1, input2).div(squared(input1).mul(squared(input2)).sqrt());
  const near = where(target.eq(1), constant(cosine, 1).sub(cosine), 0);
  const apart = where(target.eq(-1), atLeastZero(cosine.sub(constant(cosine, margin))), 0);
  return reduceLoss('cosineEmbeddingLoss', near.add(apart), reduction);
}

/**
 * log(1 + exp(−y·x)) for y = ±1.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.soft_margin_loss.html
 */
export function softMarginLoss(input: Tensor, target: Tensor, { reduction }: ReductionOptions = {}): Tensor {
  [input, target] = autocastOperands('float32', input, target);
  checkSameShape('softMarginLoss', input, target);
  return reduceLoss('softMarginLoss', logsigmoid(target.mul(input) as Tensor).neg(), reduction);
}

export interface MultilabelSoftMarginLossOptions extends ReductionOptions {
  /** A factor for each class. */
  weight?: Tensor | null;
}

/**
 * Mean over classes (the last dimension) of the binary cross-entropy of logits.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.multilabel_soft_margin_loss.html
 */
export function multilabelSoftMarginLoss(
  input: Tensor,
  target: Tensor,
  { weight, reduction }: MultilabelSoftMarginLossOptions = {},
): Tensor {
  checkSameShape('multilabelSoftMarginLoss', input, target);
  const present: Tensor = target.mul(logsigmoid(input));
  const absent: Tensor = constant(target, 1).sub(target).mul(logsigmoid(input.neg()));
  const losses: Tensor = present.add(absent).neg();
  const weighted: Tensor = weight ? losses.mul(weight) : losses;
  return reduceLoss('multilabelSoftMarginLoss', weighted.mean(-1), reduction);
}

export interface TripletMarginLossOptions extends MarginLossOptions {
  /** Order of the norm. */
  p?: number;
  /** Added to every difference. */
  eps?: number;
  /** Whether the negative may also be compared with the positive, where that is nearer. */
  swap?: boolean;
}

/**
 * max(0, ‖a − p‖ − ‖a − n‖ + margin) of vectors in the last dimension; the margin is 1 unless given.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.triplet_margin_loss.html
 */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  { margin = 1, p = 2, eps = 1e-6, swap = false, reduction }: TripletMarginLossOptions = {},
): Tensor {
  [anchor, positive, negative] = autocastOperands('float32', anchor, positive, negative);
  const near = pairwiseDistance(anchor, positive, { p, eps });
  const far = pairwiseDistance(anchor, negative, { p, eps });
  const apart: Tensor = swap ? far.minimum(pairwiseDistance(positive, negative, { p, eps })) : far;
  const losses = atLeastZero(near.sub(apart).add(constant(near, margin)));
  return reduceLoss('tripletMarginLoss', losses, reduction);
}
