import type { Tensor } from '@neurite/tensor';
import * as F from '../functional/margin-loss.js';
import type { ReductionOptions } from '../functional/reduction.js';
import { Loss } from './loss.js';

/** Losses with a margin; see the functions of the same names. */

/** Ranks x₁ above x₂ or below. https://pytorch.org/docs/1.13/generated/torch.nn.MarginRankingLoss.html */
export class MarginRankingLoss extends Loss<F.MarginLossOptions> {
  constructor(options: F.MarginLossOptions = {}) {
    super(options);
  }

  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return F.marginRankingLoss(input1, input2, target, this.options);
  }
}

/** Distances of pairs that belong together or not. https://pytorch.org/docs/1.13/generated/torch.nn.HingeEmbeddingLoss.html */
export class HingeEmbeddingLoss extends Loss<F.MarginLossOptions> {
  constructor(options: F.MarginLossOptions = {}) {
    super(options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.hingeEmbeddingLoss(input, target, this.options);
  }
}

/** Directions of pairs that belong together or not. https://pytorch.org/docs/1.13/generated/torch.nn.CosineEmbeddingLoss.html */
export class CosineEmbeddingLoss extends Loss<F.MarginLossOptions> {
  constructor(options: F.MarginLossOptions = {}) {
    super(options);
  }

  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return F.cosineEmbeddingLoss(input1, input2, target, this.options);
  }
}

/** Logistic loss of labels ±1. https://pytorch.org/docs/1.13/generated/torch.nn.SoftMarginLoss.html */
export class SoftMarginLoss extends Loss<ReductionOptions> {
  constructor(options: ReductionOptions = {}) {
    super(options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.softMarginLoss(input, target, this.options);
  }
}

/** One yes or no per class. https://pytorch.org/docs/1.13/generated/torch.nn.MultiLabelSoftMarginLoss.html */
export class MultiLabelSoftMarginLoss extends Loss<F.MultilabelSoftMarginLossOptions> {
  constructor(options: F.MultilabelSoftMarginLossOptions = {}) {
    super(options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.multilabelSoftMarginLoss(input, target, this.options);
  }
}

/** The positive nearer than the negative. https://pytorch.org/docs/1.13/generated/torch.nn.TripletMarginLoss.html */
export class TripletMarginLoss extends Loss<F.TripletMarginLossOptions> {
  constructor(options: F.TripletMarginLossOptions = {}) {
    super(options);
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return F.tripletMarginLoss(anchor, positive, negative, this.options);
  }
}
