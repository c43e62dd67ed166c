import { fullLike } from '@neurite/tensor';
import { checkNonNegative } from './check.js';
import { penalizedGradient } from './gradient.js';
import { Optimizer, type StepInput, type StepOutput } from './optimizer.js';
import type { Params } from './parameter-groups.js';
import type { StateLayout } from './parameter-state.js';

export interface AdagradOptions {
  /** Learning rate. Default 1e-2. */
  lr: number;
  /** The learning rate falls as 1 / (1 + (step − 1) · lrDecay). Default 0. */
  lrDecay: number;
  /** L2 penalty. Default 0. */
  weightDecay: number;
  /** Where the sum of squares begins. Default 0. */
  initialAccumulatorValue: number;
  /** Keeps the denominator from 0. Default 1e-10. */
  eps: number;
  /** Climbs instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Adagrad (J. Duchi, E. Hazan, Y. Singer, https://jmlr.org/papers/v12/duchi11a.html), as
 * https://pytorch.org/docs/1.13/generated/torch.optim.Adagrad.html: s ← s + g², p ← p − lr · g / (√s + eps).
 */
export class Adagrad extends Optimizer<AdagradOptions> {
  constructor(params: Params<AdagradOptions>, options: Partial<AdagradOptions> = {}) {
    super('Adagrad', params, options, {
      lr: 1e-2,
      lrDecay: 0,
      weightDecay: 0,
      initialAccumulatorValue: 0,
      eps: 1e-10,
      maximize: false,
    });
  }

  protected override checkOptions(options: AdagradOptions): void {
    checkNonNegative('Adagrad', 'learning rate', options.lr);
    checkNonNegative('Adagrad', 'lrDecay value', options.lrDecay);
    checkNonNegative('Adagrad', 'weightDecay value', options.weightDecay);
    checkNonNegative('Adagrad', 'initialAccumulatorValue', options.initialAccumulatorValue);
    checkNonNegative('Adagrad', 'epsilon value', options.eps);
  }

  protected override stateLayout(): StateLayout {
    return { step: 'number', sum: 'tensor' };
  }

  protected override updateParameter(input: StepInput<AdagradOptions>): StepOutput {
    const { param, options, count, buffer, scalar } = input;
    const grad = penalizedGradient(input);
    const step = count('step') + 1;
    const sum = (buffer('sum') ?? fullLike(grad, options.initialAccumulatorValue)).add(grad.mul(grad));
    const lr = scalar('lr', options.lr / (1 + (step - 1) * options.lrDecay));
    const scaled = grad.div(sum.sqrt().add(scalar('eps', options.eps)));
    return { param: param.sub(scaled.mul(lr)), state: { step, sum } };
  }
}
