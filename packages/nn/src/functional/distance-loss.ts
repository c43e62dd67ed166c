import { autocastOperands, type Tensor, ValueError, where } from '@neurite/tensor';
import { constant } from '../like.js';
import { checkSameShape, type ReductionOptions, reduceLoss } from './reduction.js';

/** Losses that measure a distance, element by element; input and target have the same shape. */

/** (x − y)². https://pytorch.org/docs/1.13/generated/torch.nn.functional.mse_loss.html */
export function mseLoss(input: Tensor, target: Tensor, { reduction }: ReductionOptions = {}): Tensor {
  [input, target] = autocastOperands('float32', input, target);
  checkSameShape('mseLoss', input, target);
  return reduceLoss('mseLoss', input.sub(target).square(), reduction);
}

/** |x − y|. https://pytorch.org/docs/1.13/generated/torch.nn.functional.l1_loss.html */
export function l1Loss(input: Tensor, target: Tensor, { reduction }: ReductionOptions = {}): Tensor {
  [input, target] = autocastOperands('float32', input, target);
  checkSameShape('l1Loss', input, target);
  return reduceLoss('l1Loss', input.sub(target).abs(), reduction);
}

export interface SmoothL1LossOptions extends ReductionOptions {
  /** Where the parabola meets the lines; 0 is the L1 loss. */
  beta?: number;
}

/**
 * d²/(2β) for |d| < β, |d| − β/2 beyond.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.smooth_l1_loss.html
 */
export function smoothL1Loss(
  input: Tensor,
  target: Tensor,
  { reduction, beta = 1 }: SmoothL1LossOptions = {},
): Tensor {
  [input, target] = autocastOperands('float32', input, target);
  checkSameShape('smoothL1Loss', input, target);
  if (!(beta >= 0)) throw new ValueError(`smoothL1Loss: beta must not be negative, got ${beta}`);
  if (beta === 0) return l1Loss(input, target, { reduction });
  const difference = input.sub(target);
  const distance = difference.abs();
  const losses = where(
    distance.lt(constant(distance, beta)),
    difference.square().mul(constant(distance, 0.5 / beta)),
    distance.sub(constant(distance, 0.5 * beta)),
  );
  return reduceLoss('smoothL1Loss', losses, reduction);
}

export interface HuberLossOptions extends ReductionOptions {
  /** Where the parabola meets the lines. */
  delta?: number;
}

/**
 * d²/2 for |d| ≤ δ, δ(|d| − δ/2) beyond.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.huber_loss.html
 */
export function huberLoss(
  input: Tensor,
  target: Tensor,
  { reduction, delta = 1 }: HuberLossOptions = {},
): Tensor {
  checkSameShape('huberLoss', input, target);
  if (!(delta > 0)) throw new ValueError(`huberLoss: delta must be positive, got ${delta}`);
  const difference = input.sub(target);
  const distance = difference.abs();
  const losses = where(
    distance.le(constant(distance, delta)),
    difference.square().mul(0.5),
    distance.sub(constant(distance, 0.5 * delta)).mul(constant(distance, delta)),
  );
  return reduceLoss('huberLoss', losses, reduction);
}
