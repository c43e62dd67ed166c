import type { Tensor } from '@neurite/tensor';
import * as F from '../functional/distance-loss.js';
import type { ReductionOptions } from '../functional/reduction.js';
import { Loss } from './loss.js';

/**
 * Losses that measure a distance. Input and target of one shape → [], or that shape with `reduction: 'none'`.
 */

/** (x − y)². https://pytorch.org/docs/1.13/generated/torch.nn.MSELoss.html */
export class MSELoss extends Loss<ReductionOptions> {
  constructor(options: ReductionOptions = {}) {
    super(options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.mseLoss(input, target, this.options);
  }
}

/** |x − y|. https://pytorch.org/docs/1.13/generated/torch.nn.L1Loss.html */
export class L1Loss extends Loss<ReductionOptions> {
  constructor(options: ReductionOptions = {}) {
    super(options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.l1Loss(input, target, this.options);
  }
}

/** A parabola up to β, lines beyond. https://pytorch.org/docs/1.13/generated/torch.nn.SmoothL1Loss.html */
export class SmoothL1Loss extends Loss<F.SmoothL1LossOptions> {
  constructor(options: F.SmoothL1LossOptions = {}) {
    super(options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.smoothL1Loss(input, target, this.options);
  }
}

/**
 * A parabola up to δ, lines of slope δ beyond.
 * https://pytorch.org/docs/1.13/generated/torch.nn.HuberLoss.html
 */
export class HuberLoss extends Loss<F.HuberLossOptions> {
  constructor(options: F.HuberLossOptions = {}) {
    super(options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.huberLoss(input, target, this.options);
  }
}
