import type { Tensor } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { layerNorm } from '../functional/normalization.js';
import { ones_, zeros_ } from '../init/simple.js';
import { Layer } from '../module/module.js';
import { pythonic } from '../module/repr.js';
import type { Parameter } from '../parameter.js';
import type { LastFn, SameShape } from '../types/shape-fn.js';
import { FACTORY, type FactoryOptions, newParameter } from './factory.js';
import { checkSizes } from './sizes.js';

export interface LayerNormOptions extends FactoryOptions {
  /** Added to the variance. */
  eps?: number;
  /** Whether there are a weight and a bias. */
  elementwiseAffine?: boolean;
}

const ORDER = ['eps', 'elementwiseAffine'] as const;

/**
 * y = (x − mean) / √(var + eps) · weight + bias over the last dimensions, whose sizes are `normalizedShape`.
 * Any shape that ends in these; weight (ones) and bias (zeros) have shape `normalizedShape`. Ba et al. 2016;
 * https://pytorch.org/docs/1.13/generated/torch.nn.LayerNorm.html
 */
export class LayerNorm<const L extends number | readonly number[] = number> extends Layer<
  L extends number ? LastFn<L> : SameShape
> {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(normalizedShape: L, ...rest: Arguments<LayerNormOptions, typeof ORDER>) {
    super();
    const options = readArguments<LayerNormOptions>('LayerNorm', ORDER, FACTORY, rest);
    const { eps = 1e-5, elementwiseAffine = true } = options;
    this.normalizedShape = [normalizedShape].flat();
    checkSizes(
      'LayerNorm',
      Object.fromEntries(this.normalizedShape.map((size, d) => [`normalizedShape[${d}]`, size])),
    );
    this.eps = eps;
    this.weight = elementwiseAffine ? newParameter(this.normalizedShape, options) : null;
    this.bias = elementwiseAffine ? newParameter(this.normalizedShape, options) : null;
    this.resetParameters();
  }

  /** Sets weight and bias to 1 and 0. */
  resetParameters(): void {
    if (this.weight) ones_(this.weight);
    if (this.bias) zeros_(this.bias);
  }

  forward(input: Tensor): Tensor {
    return layerNorm(input, this.normalizedShape, this.weight, this.bias, { eps: this.eps });
  }

  override extraRepr(): string {
    return `${pythonic(this.normalizedShape)}, eps=${pythonic(this.eps)}, elementwise_affine=${pythonic(this.weight !== null)}`;
  }
}
