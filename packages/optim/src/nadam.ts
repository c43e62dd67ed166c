import { checkBetas, checkNonNegative } from './check.js';
import { penalizedGradient, runningMean } from './gradient.js';
import { Optimizer, type StepInput, type StepOutput } from './optimizer.js';
import type { Params } from './parameter-groups.js';
import type { StateLayout } from './parameter-state.js';

export interface NAdamOptions {
  /** Learning rate. Default 2e-3. */
  lr: number;
  /** Decay rates of the running means of the gradient and of its square. Default [0.9, 0.999]. */
  betas: [number, number];
  /** Keeps the denominator from 0. Default 1e-8. */
  eps: number;
  /** L2 penalty. Default 0. */
  weightDecay: number;
  /** How slowly the momentum grows to β₁. Default 4e-3. */
  momentumDecay: number;
}

/**
 * Adam with Nesterov's momentum (T. Dozat, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ), as
 * https://pytorch.org/docs/1.13/generated/torch.optim.NAdam.html.
 */
export class NAdam extends Optimizer<NAdamOptions> {
  constructor(params: Params<NAdamOptions>, options: Partial<NAdamOptions> = {}) {
    super('NAdam', params, options, {
      lr: 2e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0,
      momentumDecay: 4e-3,
    });
  }

  protected override checkOptions({ lr, betas, eps, weightDecay, momentumDecay }: NAdamOptions): void {
    checkNonNegative('NAdam', 'learning rate', lr);
    checkNonNegative('NAdam', 'epsilon value', eps);
    checkBetas('NAdam', betas);
    checkNonNegative('NAdam', 'weightDecay value', weightDecay);
    checkNonNegative('NAdam', 'momentumDecay value', momentumDecay);
  }

  protected override stateLayout(): StateLayout {
    return { step: 'number', mu_product: 'number', exp_avg: 'tensor', exp_avg_sq: 'tensor' };
  }

  protected override updateParameter(input: StepInput<NAdamOptions>): StepOutput {
    const { param, options, count, scalar } = input;
    const grad = penalizedGradient(input);
    const [beta1, beta2] = options.betas;
    const step = count('step') + 1;
    const momentumAt = (t: number): number => beta1 * (1 - 0.5 * 0.96 ** (t * options.momentumDecay));
    const mu = momentumAt(step);
    const muNext = momentumAt(step + 1);
    const muProduct = count('mu_product', 1) * mu;
    // PyTorch 1.13 has mu twice in this product; the fixtures, which PyTorch computed, show it. The paper has it once.
    const muProductNext = muProduct * mu * muNext;
    const mean = runningMean(input, 'exp_avg', grad, beta1);
    const square = runningMean(input, 'exp_avg_sq', grad.mul(grad), beta2);
    const denominator = square
      .div(scalar('correction', 1 - beta2 ** step))
      .sqrt()
      .add(scalar('eps', options.eps));
    const alongGradient = grad.mul(scalar('gradient share', (options.lr * (1 - mu)) / (1 - muProduct)));
    const alongMean = mean.mul(scalar('mean share', (options.lr * muNext) / (1 - muProductNext)));
    return {
      param: param.sub(alongGradient.add(alongMean).div(denominator)),
      state: { step, mu_product: muProduct, exp_avg: mean, exp_avg_sq: square },
    };
  }
}
