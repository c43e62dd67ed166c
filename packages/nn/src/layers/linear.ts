import type { Tensor } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { linear } from '../functional/linear.js';
import { uniform_ } from '../init/simple.js';
import { Layer } from '../module/module.js';
import { pythonic } from '../module/repr.js';
import type { Parameter } from '../parameter.js';
import type { LinearFn } from '../types/shape-fn.js';
import { FACTORY, type FactoryOptions, newParameter } from './factory.js';
import { checkSizes } from './sizes.js';

export interface LinearOptions extends FactoryOptions {
  /** Whether there is a bias. */
  bias?: boolean;
}

/**
 * y = x Wᵀ + b. Shapes: [..., inFeatures] → [..., outFeatures]; weight [outFeatures, inFeatures], bias
 * [outFeatures], both uniform within ±1/√inFeatures at first (PyTorch's kaiming_uniform with a = √5).
 * https://pytorch.org/docs/1.13/generated/torch.nn.Linear.html
 */
export class Linear<In extends number = number, Out extends number = number> extends Layer<
  LinearFn<In, Out>
> {
  readonly inFeatures: In;
  readonly outFeatures: Out;
  weight: Parameter;
  bias: Parameter | null;

  constructor(inFeatures: In, outFeatures: Out, ...rest: Arguments<LinearOptions, ['bias']>) {
    super();
    const { bias = true, ...factory } = readArguments<LinearOptions>('Linear', ['bias'], FACTORY, rest);
    checkSizes('Linear', { inFeatures, outFeatures }, 0);
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = newParameter([outFeatures, inFeatures], factory);
    this.bias = bias ? newParameter([outFeatures], factory) : null;
    this.resetParameters();
  }

  /** Draws new initial values. */
  resetParameters(): void {
    const bound = this.inFeatures > 0 ? 1 / Math.sqrt(this.inFeatures) : 0;
    uniform_(this.weight, -bound, bound);
    if (this.bias) uniform_(this.bias, -bound, bound);
  }

  forward(input: Tensor): Tensor {
    return linear(input, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${pythonic(this.bias !== null)}`;
  }
}
