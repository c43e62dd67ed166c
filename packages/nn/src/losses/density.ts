import type { Tensor } from '@neurite/tensor';
import * as F from '../functional/density-loss.js';
import { Loss } from './loss.js';

/** Negative log-likelihoods; see the functions of the same names. */

/** Counts with a predicted rate. https://pytorch.org/docs/1.13/generated/torch.nn.PoissonNLLLoss.html */
export class PoissonNLLLoss extends Loss<F.PoissonNLLLossOptions> {
  constructor(options: F.PoissonNLLLossOptions = {}) {
    super(options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.poissonNllLoss(input, target, this.options);
  }
}

/** Numbers with a predicted mean and variance. https://pytorch.org/docs/1.13/generated/torch.nn.GaussianNLLLoss.html */
export class GaussianNLLLoss extends Loss<F.GaussianNLLLossOptions> {
  constructor(options: F.GaussianNLLLossOptions = {}) {
    super(options);
  }

  forward(input: Tensor, target: Tensor, variance: Tensor): Tensor {
    return F.gaussianNllLoss(input, target, variance, this.options);
  }
}
