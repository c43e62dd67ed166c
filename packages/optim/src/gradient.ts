import type { Tensor } from '@neurite/tensor';
import type { StepInput } from './optimizer.js';
import type { BaseOptions } from './parameter-groups.js';

interface PenaltyOptions extends BaseOptions {
  weightDecay: number;
  maximize?: boolean;
}

/** The direction to descend along: the gradient (negative, to climb) plus the L2 penalty weightDecay · p. */
export function penalizedGradient({ param, grad, options, scalar }: StepInput<PenaltyOptions>): Tensor {
  const direction = options.maximize ? grad.neg() : grad;
  // As PyTorch, no term at all without a penalty: 0 · p would turn infinite parameters into NaN.
  return options.weightDecay === 0
    ? direction
    : direction.add(param.mul(scalar('weightDecay', options.weightDecay)));
}

/** decay · average + (1 − decay) · value, beginning at 0. */
export function runningMean(
  { buffer, scalar }: Pick<StepInput<BaseOptions>, 'buffer' | 'scalar'>,
  name: string,
  value: Tensor,
  decay: number,
): Tensor {
  const old = buffer(name);
  const added = value.mul(scalar(`1 - decay of ${name}`, 1 - decay));
  return old ? old.mul(scalar(`decay of ${name}`, decay)).add(added) : added;
}
