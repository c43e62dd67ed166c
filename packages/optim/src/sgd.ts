import { ValueError } from '@neurite/tensor';
import { checkNonNegative } from './check.js';
import { penalizedGradient } from './gradient.js';
import { Optimizer, type StepInput, type StepOutput } from './optimizer.js';
import type { Params } from './parameter-groups.js';
import type { StateLayout } from './parameter-state.js';

export interface SGDOptions {
  /** Learning rate; has no default. */
  lr: number;
  /** Default 0. */
  momentum: number;
  /** Damps what the gradient adds to the momentum. Default 0. */
  dampening: number;
  /** L2 penalty. Default 0. */
  weightDecay: number;
  /** Looks one step ahead along the momentum. Default false. */
  nesterov: boolean;
  /** Climbs instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Stochastic gradient descent (https://pytorch.org/docs/1.13/generated/torch.optim.SGD.html):
 *
 *     g ← grad + weightDecay · p
 *     b ← momentum · b + (1 − dampening) · g      (b = g in the first step)
 *     p ← p − lr · b                               (nesterov: lr · (g + momentum · b))
 */
export class SGD extends Optimizer<SGDOptions> {
  constructor(params: Params<SGDOptions>, options: Partial<SGDOptions> = {}) {
    super('SGD', params, options, {
      lr: undefined as unknown as number,
      momentum: 0,
      dampening: 0,
      weightDecay: 0,
      nesterov: false,
      maximize: false,
    });
  }

  protected override checkOptions({ lr, momentum, dampening, weightDecay, nesterov }: SGDOptions): void {
    checkNonNegative('SGD', 'learning rate', lr);
    checkNonNegative('SGD', 'momentum value', momentum);
    checkNonNegative('SGD', 'weightDecay value', weightDecay);
    if (nesterov && (momentum <= 0 || dampening !== 0)) {
      throw new ValueError(
        `SGD: Nesterov momentum requires a momentum and zero dampening, got momentum ${momentum}, dampening ${dampening}`,
      );
    }
  }

  protected override stateLayout({ momentum }: SGDOptions): StateLayout {
    return momentum !== 0 ? { momentum_buffer: 'tensor' } : {};
  }

  protected override updateParameter(input: StepInput<SGDOptions>): StepOutput {
    const { param, options, buffer, scalar } = input;
    const direction = penalizedGradient(input);
    const lr = scalar('lr', options.lr);
    if (options.momentum === 0) return { param: param.sub(direction.mul(lr)), state: {} };
    const momentum = scalar('momentum', options.momentum);
    const old = buffer('momentum_buffer');
    const velocity = old
      ? old.mul(momentum).add(direction.mul(scalar('1 - dampening', 1 - options.dampening)))
      : direction;
    const along = options.nesterov ? direction.add(velocity.mul(momentum)) : velocity;
    return { param: param.sub(along.mul(lr)), state: { momentum_buffer: velocity } };
  }
}
