import type { Tensor } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import * as C from '../functional/cross-entropy.js';
import * as P from '../functional/probability-loss.js';
import { Loss } from './loss.js';

/**
 * Losses of classifiers; the formulas stand with the functions. Results have shape [], or one loss per sample
 * with 'none'.
 */

const NLL_NAMES = ['ignoreIndex', 'reduction'] as const;
const CROSS_ENTROPY_NAMES = [...NLL_NAMES, 'labelSmoothing'] as const;

/**
 * Cross-entropy of logits [N, C, …] against class numbers [N, …] or probabilities [N, C, …].
 * https://pytorch.org/docs/1.13/generated/torch.nn.CrossEntropyLoss.html
 */
export class CrossEntropyLoss extends Loss<C.CrossEntropyOptions> {
  constructor(...rest: Arguments<C.CrossEntropyOptions, ['weight']>) {
    super(readArguments<C.CrossEntropyOptions>('CrossEntropyLoss', ['weight'], CROSS_ENTROPY_NAMES, rest));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return C.crossEntropy(input, target, this.options);
  }
}

/**
 * Negative log-likelihood of log-probabilities [N, C, …] at class numbers [N, …].
 * https://pytorch.org/docs/1.13/generated/torch.nn.NLLLoss.html
 */
export class NLLLoss extends Loss<C.NLLLossOptions> {
  constructor(...rest: Arguments<C.NLLLossOptions, ['weight']>) {
    super(readArguments<C.NLLLossOptions>('NLLLoss', ['weight'], NLL_NAMES, rest));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return C.nllLoss(input, target, this.options);
  }
}

/** Binary cross-entropy of probabilities. https://pytorch.org/docs/1.13/generated/torch.nn.BCELoss.html */
export class BCELoss extends Loss<P.BCEOptions> {
  constructor(...rest: Arguments<P.BCEOptions, ['weight']>) {
    super(readArguments<P.BCEOptions>('BCELoss', ['weight'], ['reduction'], rest));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return P.binaryCrossEntropy(input, target, this.options);
  }
}

/** Binary cross-entropy of logits. https://pytorch.org/docs/1.13/generated/torch.nn.BCEWithLogitsLoss.html */
export class BCEWithLogitsLoss extends Loss<P.BCEWithLogitsOptions> {
  constructor(...rest: Arguments<P.BCEWithLogitsOptions, ['weight']>) {
    super(
      readArguments<P.BCEWithLogitsOptions>(
        'BCEWithLogitsLoss',
        ['weight'],
        ['posWeight', 'reduction'],
        rest,
      ),
    );
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return P.binaryCrossEntropyWithLogits(input, target, this.options);
  }
}

/**
 * Kullback-Leibler divergence of log-probabilities from probabilities.
 * https://pytorch.org/docs/1.13/generated/torch.nn.KLDivLoss.html
 */
export class KLDivLoss extends Loss<P.KLDivOptions> {
  constructor(options: P.KLDivOptions = {}) {
    super(options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return P.klDiv(input, target, this.options);
  }
}
