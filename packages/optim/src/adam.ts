import { maximum, type Tensor } from '@neurite/tensor';
import { checkBetas, checkNonNegative } from './check.js';
import { penalizedGradient, runningMean } from './gradient.js';
import { Optimizer, type StepInput, type StepOutput } from './optimizer.js';
import type { Params } from './parameter-groups.js';
import type { StateLayout } from './parameter-state.js';

export interface AdamOptions {
  /** Learning rate. Default 1e-3. */
  lr: number;
  /** Decay rates of the running means of the gradient and of its square. Default [0.9, 0.999]. */
  betas: [number, number];
  /** Keeps the denominator from 0. Default 1e-8. */
  eps: number;
  /** Adam: L2 penalty, default 0. AdamW: decay towards 0 apart from the gradient, default 0.01. */
  weightDecay: number;
  /** Divides by the largest second moment so far. Default false. */
  amsgrad: boolean;
  /** Climbs instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Adam (D. P. Kingma, J. Ba, https://arxiv.org/abs/1412.6980; amsgrad: https://openreview.net/forum?id=ryQu7f-RZ), as
 * https://pytorch.org/docs/1.13/generated/torch.optim.Adam.html:
 *
 *     g ← grad + weightDecay · p
 *     m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
 *     p ← p − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + eps)      (amsgrad: the largest v so far)
 */
export class Adam extends Optimizer<AdamOptions> {
  constructor(params: Params<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super('Adam', params, options, adamDefaults(0));
  }

  protected override checkOptions(options: AdamOptions): void {
    checkAdam('Adam', options);
  }

  protected override stateLayout(options: AdamOptions): StateLayout {
    return adamLayout(options);
  }

  protected override updateParameter(input: StepInput<AdamOptions>): StepOutput {
    return adamStep(input, input.param, penalizedGradient(input));
  }
}

/**
 * Adam whose weight decay does not pass through the moments (I. Loshchilov, F. Hutter, https://arxiv.org/abs/1711.05101), as
 * https://pytorch.org/docs/1.13/generated/torch.optim.AdamW.html: p ← p · (1 − lr · weightDecay), then Adam's step.
 */
export class AdamW extends Optimizer<AdamOptions> {
  constructor(params: Params<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super('AdamW', params, options, adamDefaults(1e-2));
  }

  protected override checkOptions(options: AdamOptions): void {
    checkAdam('AdamW', options);
  }

  protected override stateLayout(options: AdamOptions): StateLayout {
    return adamLayout(options);
  }

  protected override updateParameter(input: StepInput<AdamOptions>): StepOutput {
    const { param, grad, options, scalar } = input;
    const decayed = param.mul(scalar('decay', 1 - options.lr * options.weightDecay));
    return adamStep(input, decayed, options.maximize ? grad.neg() : grad);
  }
}

const adamDefaults = (weightDecay: number): AdamOptions => ({
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay,
  amsgrad: false,
  maximize: false,
});

function checkAdam(who: string, { lr, betas, eps, weightDecay }: AdamOptions): void {
  checkNonNegative(who, 'learning rate', lr);
  checkNonNegative(who, 'epsilon value', eps);
  checkBetas(who, betas);
  checkNonNegative(who, 'weightDecay value', weightDecay);
}

const adamLayout = ({ amsgrad }: AdamOptions): StateLayout => ({
  step: 'number',
  exp_avg: 'tensor',
  exp_avg_sq: 'tensor',
  ...(amsgrad && { max_exp_avg_sqs: 'tensor' }),
});

/** The moments and the step along them, from where weight decay has left parameter and gradient. */
function adamStep(input: StepInput<AdamOptions>, param: Tensor, grad: Tensor): StepOutput {
  const { options, count, buffer, scalar } = input;
  const [beta1, beta2] = options.betas;
  const step = count('step') + 1;
  const mean = runningMean(input, 'exp_avg', grad, beta1);
  const square = runningMean(input, 'exp_avg_sq', grad.mul(grad), beta2);
  const before = buffer('max_exp_avg_sqs');
  const largest = before ? maximum(before, square) : square;
  // In float64 on the host: 1 − β₂ᵗ has few correct digits in float32 when t is small.
  const stepSize = scalar('step size', options.lr / (1 - beta1 ** step));
  const correction = scalar('root of the correction', Math.sqrt(1 - beta2 ** step));
  // eps comes first: so the two numbers that change with each step are neighbours, and what a GPU is sent is 8 bytes and not 12.
  const root = (options.amsgrad ? largest : square).sqrt().div(correction);
  const denominator = scalar('eps', options.eps).add(root);
  return {
    param: param.sub(mean.div(denominator).mul(stepSize)),
    state: { step, exp_avg: mean, exp_avg_sq: square, ...(options.amsgrad && { max_exp_avg_sqs: largest }) },
  };
}
