import { zerosLike } from '@neurite/tensor';
import { checkNonNegative } from './check.js';
import { penalizedGradient } from './gradient.js';
import { Optimizer, type StepInput, type StepOutput } from './optimizer.js';
import type { Params } from './parameter-groups.js';
import type { StateLayout } from './parameter-state.js';

export interface ASGDOptions {
  /** Learning rate. Default 1e-2. */
  lr: number;
  /** Decay of the parameters. Default 1e-4. */
  lambd: number;
  /** Power with which the learning rate falls. Default 0.75. */
  alpha: number;
  /** Step at which averaging begins. Default 1e6. */
  t0: number;
  /** L2 penalty. Default 0. */
  weightDecay: number;
  /** Climbs instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Averaged stochastic gradient descent (B. T. Polyak, A. B. Juditsky, https://dl.acm.org/doi/10.1137/0330046), as
 * https://pytorch.org/docs/1.13/generated/torch.optim.ASGD.html. The average is `ax` in the parameter's state.
 */
export class ASGD extends Optimizer<ASGDOptions> {
  constructor(params: Params<ASGDOptions>, options: Partial<ASGDOptions> = {}) {
    super('ASGD', params, options, {
      lr: 1e-2,
      lambd: 1e-4,
      alpha: 0.75,
      t0: 1e6,
      weightDecay: 0,
      maximize: false,
    });
  }

  protected override checkOptions({ lr, weightDecay }: ASGDOptions): void {
    checkNonNegative('ASGD', 'learning rate', lr);
    checkNonNegative('ASGD', 'weightDecay value', weightDecay);
  }

  protected override stateLayout(): StateLayout {
    return { step: 'number', eta: 'number', mu: 'number', ax: 'tensor' };
  }

  protected override updateParameter(input: StepInput<ASGDOptions>): StepOutput {
    const { param, options, count, buffer, scalar } = input;
    const { lr, lambd, alpha, t0 } = options;
    const step = count('step') + 1;
    const eta = count('eta', lr);
    const mu = count('mu', 1);
    const moved = param
      .mul(scalar('decay', 1 - lambd * eta))
      .sub(penalizedGradient(input).mul(scalar('eta', eta)));
    const average = (buffer('ax') ?? zerosLike(param))
      .mul(scalar('1 - mu', 1 - mu))
      .add(moved.mul(scalar('mu', mu)));
    return {
      param: moved,
      state: {
        step,
        eta: lr / (1 + lambd * lr * step) ** alpha,
        mu: 1 / Math.max(1, step - t0),
        ax: average,
      },
    };
  }
}
