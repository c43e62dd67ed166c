import { checkBetas, checkNonNegative } from './check.js';
import { penalizedGradient, runningMean } from './gradient.js';
import { Optimizer, type StepInput, type StepOutput } from './optimizer.js';
import type { Params } from './parameter-groups.js';
import type { StateLayout } from './parameter-state.js';

export interface RAdamOptions {
  /** Learning rate. Default 1e-3. */
  lr: number;
  /** Decay rates of the running means of the gradient and of its square. Default [0.9, 0.999]. */
  betas: [number, number];
  /** Keeps the denominator from 0. Default 1e-8. */
  eps: number;
  /** L2 penalty. Default 0. */
  weightDecay: number;
}

/**
 * Adam that divides by the second moment only when enough steps have made it reliable (L. Liu et al.,
 * https://arxiv.org/abs/1908.03265), as https://pytorch.org/docs/1.13/generated/torch.optim.RAdam.html.
 */
export class RAdam extends Optimizer<RAdamOptions> {
  constructor(params: Params<RAdamOptions>, options: Partial<RAdamOptions> = {}) {
    super('RAdam', params, options, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 });
  }

  protected override checkOptions({ lr, betas, eps, weightDecay }: RAdamOptions): void {
    checkNonNegative('RAdam', 'learning rate', lr);
    checkNonNegative('RAdam', 'epsilon value', eps);
    checkBetas('RAdam', betas);
    checkNonNegative('RAdam', 'weightDecay value', weightDecay);
  }

  protected override stateLayout(): StateLayout {
    return { step: 'number', exp_avg: 'tensor', exp_avg_sq: 'tensor' };
  }

  protected override updateParameter(input: StepInput<RAdamOptions>): StepOutput {
    const { param, options, count, scalar } = input;
    const grad = penalizedGradient(input);
    const [beta1, beta2] = options.betas;
    const step = count('step') + 1;
    const mean = runningMean(input, 'exp_avg', grad, beta1);
    const square = runningMean(input, 'exp_avg_sq', grad.mul(grad), beta2);
    const correction = 1 - beta2 ** step;
    const longest = 2 / (1 - beta2) - 1;
    const length = longest - (2 * step * beta2 ** step) / correction;
    const reliable = length > 5;
    const rectification = reliable
      ? Math.sqrt(((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length))
      : 0;
    // Both branches are in the graph, and the numbers choose: the step that becomes reliable compiles nothing.
    const adaptive = scalar('rectification', rectification * Math.sqrt(correction))
      .div(square.sqrt().add(scalar('eps', options.eps)))
      .add(scalar('plain', reliable ? 0 : 1));
    const stepSize = scalar('step size', options.lr / (1 - beta1 ** step));
    return {
      param: param.sub(mean.mul(stepSize).mul(adaptive)),
      state: { step, exp_avg: mean, exp_avg_sq: square },
    };
  }
}
