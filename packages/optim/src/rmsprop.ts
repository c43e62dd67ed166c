import { checkNonNegative } from './check.js';
import { penalizedGradient, runningMean } from './gradient.js';
import { Optimizer, type StepInput, type StepOutput } from './optimizer.js';
import type { Params } from './parameter-groups.js';
import type { StateLayout } from './parameter-state.js';

export interface RMSpropOptions {
  /** Learning rate. Default 1e-2. */
  lr: number;
  /** Decay rate of the mean square. Default 0.99. */
  alpha: number;
  /** Keeps the denominator from 0. Default 1e-8. */
  eps: number;
  /** L2 penalty. Default 0. */
  weightDecay: number;
  /** Default 0. */
  momentum: number;
  /** Divides by the deviation instead of the root mean square. Default false. */
  centered: boolean;
  /** Climbs instead of descending. Default false. */
  maximize: boolean;
}

/**
 * RMSprop (G. Hinton; centered: A. Graves, https://arxiv.org/abs/1308.0850), as
 * https://pytorch.org/docs/1.13/generated/torch.optim.RMSprop.html:
 *
 *     v ← α v + (1 − α) g²        a ← α a + (1 − α) g  (centered)
 *     p ← p − lr · g / (√(v − a²) + eps), with momentum on the quotient
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  constructor(params: Params<RMSpropOptions>, options: Partial<RMSpropOptions> = {}) {
    super('RMSprop', params, options, {
      lr: 1e-2,
      alpha: 0.99,
      eps: 1e-8,
      weightDecay: 0,
      momentum: 0,
      centered: false,
      maximize: false,
    });
  }

  protected override checkOptions({ lr, alpha, eps, weightDecay, momentum }: RMSpropOptions): void {
    checkNonNegative('RMSprop', 'learning rate', lr);
    checkNonNegative('RMSprop', 'epsilon value', eps);
    checkNonNegative('RMSprop', 'momentum value', momentum);
    checkNonNegative('RMSprop', 'weightDecay value', weightDecay);
    checkNonNegative('RMSprop', 'alpha value', alpha);
  }

  protected override stateLayout({ momentum, centered }: RMSpropOptions): StateLayout {
    return {
      step: 'number',
      square_avg: 'tensor',
      ...(momentum > 0 && { momentum_buffer: 'tensor' }),
      ...(centered && { grad_avg: 'tensor' }),
    };
  }

  protected override updateParameter(input: StepInput<RMSpropOptions>): StepOutput {
    const { param, options, count, buffer, scalar } = input;
    const grad = penalizedGradient(input);
    const square = runningMean(input, 'square_avg', grad.mul(grad), options.alpha);
    const mean = options.centered ? runningMean(input, 'grad_avg', grad, options.alpha) : undefined;
    const variance = mean ? square.sub(mean.mul(mean)) : square;
    const scaled = grad.div(variance.sqrt().add(scalar('eps', options.eps)));
    const old = buffer('momentum_buffer');
    const velocity =
      options.momentum > 0 && old ? old.mul(scalar('momentum', options.momentum)).add(scaled) : scaled;
    return {
      param: param.sub(velocity.mul(scalar('lr', options.lr))),
      state: {
        step: count('step') + 1,
        square_avg: square,
        ...(options.momentum > 0 && { momentum_buffer: velocity }),
        ...(mean && { grad_avg: mean }),
      },
    };
  }
}
