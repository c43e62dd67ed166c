import type { Tensor } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { type LocalResponseNormOptions, localResponseNorm } from '../functional/local-response-norm.js';
import { Layer } from '../module/module.js';
import type { SameShape } from '../types/shape-fn.js';

const ORDER = ['alpha', 'beta', 'k'] as const;

/** Normalises over neighbouring channels; see {@link localResponseNorm}. https://pytorch.org/docs/1.13/generated/torch.nn.LocalResponseNorm.html */
export class LocalResponseNorm extends Layer<SameShape> {
  readonly #options: LocalResponseNormOptions;

  constructor(
    readonly size: number,
    ...rest: Arguments<LocalResponseNormOptions, typeof ORDER>
  ) {
    super();
    this.#options = readArguments<LocalResponseNormOptions>('LocalResponseNorm', ORDER, [], rest);
  }

  forward(input: Tensor): Tensor {
    return localResponseNorm(input, this.size, this.#options);
  }

  override extraRepr(): string {
    const { alpha = 1e-4, beta = 0.75, k = 1 } = this.#options;
    return `${this.size}, alpha=${alpha}, beta=${beta}, k=${k}`;
  }
}
