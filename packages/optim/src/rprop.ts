import { fullLike, ValueError, where, zerosLike } from '@neurite/tensor';
import { checkNonNegative } from './check.js';
import { Optimizer, type StepInput, type StepOutput } from './optimizer.js';
import type { Params } from './parameter-groups.js';
import type { StateLayout } from './parameter-state.js';

export interface RpropOptions {
  /** First step size. Default 1e-2. */
  lr: number;
  /** Factors on the step size where the gradient's sign has changed or stayed. Default [0.5, 1.2]. */
  etas: [number, number];
  /** Bounds of the step size. Default [1e-6, 50]. */
  stepSizes: [number, number];
  /** Climbs instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Resilient backpropagation, which uses only the gradient's sign (M. Riedmiller, H. Braun, ICNN 1993), as
 * https://pytorch.org/docs/1.13/generated/torch.optim.Rprop.html. For whole batches.
 */
export class Rprop extends Optimizer<RpropOptions> {
  constructor(params: Params<RpropOptions>, options: Partial<RpropOptions> = {}) {
    super('Rprop', params, options, { lr: 1e-2, etas: [0.5, 1.2], stepSizes: [1e-6, 50], maximize: false });
  }

  protected override checkOptions({ lr, etas: [down, up] }: RpropOptions): void {
    checkNonNegative('Rprop', 'learning rate', lr);
    if (!(down > 0 && down < 1 && up > 1)) {
      throw new ValueError(
        `Rprop: invalid eta values: ${down}, ${up}, expected 0 < the first < 1 < the second`,
      );
    }
  }

  protected override stateLayout(): StateLayout {
    return { step: 'number', prev: 'tensor', step_size: 'tensor' };
  }

  protected override updateParameter({
    param,
    grad,
    options,
    count,
    buffer,
    scalar,
  }: StepInput<RpropOptions>): StepOutput {
    const direction = options.maximize ? grad.neg() : grad;
    const [down, up] = options.etas;
    const [smallest, largest] = options.stepSizes;
    const agreement = direction.mul(buffer('prev') ?? zerosLike(direction));
    const turned = agreement.lt(0);
    const factor = where(
      turned,
      scalar('down', down),
      where(agreement.gt(0), scalar('up', up), scalar('same', 1)),
    );
    const size = (buffer('step_size') ?? fullLike(direction, options.lr))
      .mul(factor)
      .maximum(scalar('smallest', smallest))
      .minimum(scalar('largest', largest));
    // Where the sign has turned, this step waits, and the next one does not compare.
    const used = where(turned, zerosLike(direction), direction);
    return {
      param: param.sub(used.sign().mul(size)),
      state: { step: count('step') + 1, prev: used, step_size: size },
    };
  }
}
