import { maximum } from '@neurite/tensor';
import { checkBetas, checkNonNegative } from './check.js';
import { penalizedGradient, runningMean } from './gradient.js';
import { Optimizer, type StepInput, type StepOutput } from './optimizer.js';
import type { Params } from './parameter-groups.js';
import type { StateLayout } from './parameter-state.js';

export interface AdamaxOptions {
  /** Learning rate. Default 2e-3. */
  lr: number;
  /** Decay rates of the mean gradient and of the infinity norm. Default [0.9, 0.999]. */
  betas: [number, number];
  /** Keeps the denominator from 0. Default 1e-8. */
  eps: number;
  /** L2 penalty. Default 0. */
  weightDecay: number;
  /** Climbs instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Adam with the infinity norm (D. P. Kingma, J. Ba, https://arxiv.org/abs/1412.6980, section 7), as
 * https://pytorch.org/docs/1.13/generated/torch.optim.Adamax.html:
 * m as in Adam, u ← max(β₂ u, |g| + eps), p ← p − lr / (1 − β₁ᵗ) · m / u.
 */
export class Adamax extends Optimizer<AdamaxOptions> {
  constructor(params: Params<AdamaxOptions>, options: Partial<AdamaxOptions> = {}) {
    super('Adamax', params, options, {
      lr: 2e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0,
      maximize: false,
    });
  }

  protected override checkOptions({ lr, betas, eps, weightDecay }: AdamaxOptions): void {
    checkNonNegative('Adamax', 'learning rate', lr);
    checkNonNegative('Adamax', 'epsilon value', eps);
    checkBetas('Adamax', betas);
    checkNonNegative('Adamax', 'weightDecay value', weightDecay);
  }

  protected override stateLayout(): StateLayout {
    return { step: 'number', exp_avg: 'tensor', exp_inf: 'tensor' };
  }

  protected override updateParameter(input: StepInput<AdamaxOptions>): StepOutput {
    const { param, options, count, buffer, scalar } = input;
    const grad = penalizedGradient(input);
    const step = count('step') + 1;
    const [beta1, beta2] = options.betas;
    const mean = runningMean(input, 'exp_avg', grad, beta1);
    const size = grad.abs().add(scalar('eps', options.eps));
    const old = buffer('exp_inf');
    const norm = old ? maximum(old.mul(scalar('beta2', beta2)), size) : size;
    const stepSize = scalar('step size', options.lr / (1 - beta1 ** step));
    return { param: param.sub(mean.div(norm).mul(stepSize)), state: { step, exp_avg: mean, exp_inf: norm } };
  }
}
