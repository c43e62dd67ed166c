import { ValueError, zerosLike } from '@neurite/tensor';
import { checkNonNegative } from './check.js';
import { penalizedGradient, runningMean } from './gradient.js';
import { Optimizer, type StepInput, type StepOutput } from './optimizer.js';
import type { Params } from './parameter-groups.js';
import type { StateLayout } from './parameter-state.js';

export interface AdadeltaOptions {
  /** Factor on the step. Default 1. */
  lr: number;
  /** Decay rate of the running means. Default 0.9. */
  rho: number;
  /** Keeps both roots from 0. Default 1e-6. */
  eps: number;
  /** L2 penalty. Default 0. */
  weightDecay: number;
  /** Climbs instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Adadelta (M. D. Zeiler, https://arxiv.org/abs/1212.5701), as
 * https://pytorch.org/docs/1.13/generated/torch.optim.Adadelta.html:
 *
 *     v ← ρ v + (1 − ρ) g²,   Δ = √(u + eps) / √(v + eps) · g,   u ← ρ u + (1 − ρ) Δ²,   p ← p − lr · Δ
 */
export class Adadelta extends Optimizer<AdadeltaOptions> {
  constructor(params: Params<AdadeltaOptions>, options: Partial<AdadeltaOptions> = {}) {
    super('Adadelta', params, options, { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false });
  }

  protected override checkOptions({ lr, rho, eps, weightDecay }: AdadeltaOptions): void {
    checkNonNegative('Adadelta', 'learning rate', lr);
    checkNonNegative('Adadelta', 'epsilon value', eps);
    checkNonNegative('Adadelta', 'weightDecay value', weightDecay);
    if (!(rho >= 0 && rho <= 1))
      throw new ValueError(`Adadelta: invalid rho value: ${rho}, expected 0 ≤ rho ≤ 1`);
  }

  protected override stateLayout(): StateLayout {
    return { step: 'number', square_avg: 'tensor', acc_delta: 'tensor' };
  }

  protected override updateParameter(input: StepInput<AdadeltaOptions>): StepOutput {
    const { param, options, count, buffer, scalar } = input;
    const grad = penalizedGradient(input);
    const eps = scalar('eps', options.eps);
    const square = runningMean(input, 'square_avg', grad.mul(grad), options.rho);
    const steps = buffer('acc_delta') ?? zerosLike(grad);
    const delta = steps.add(eps).sqrt().div(square.add(eps).sqrt()).mul(grad);
    return {
      param: param.sub(delta.mul(scalar('lr', options.lr))),
      state: {
        step: count('step') + 1,
        square_avg: square,
        acc_delta: runningMean(input, 'acc_delta', delta.mul(delta), options.rho),
      },
    };
  }
}
