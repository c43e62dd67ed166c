import { type Tensor, ValueError } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { groupNorm } from '../functional/normalization.js';
import { ones_, zeros_ } from '../init/simple.js';
import { Layer } from '../module/module.js';
import { pythonic } from '../module/repr.js';
import type { Parameter } from '../parameter.js';
import type { ChannelsFn } from '../types/shape-fn.js';
import { FACTORY, type FactoryOptions, newParameter } from './factory.js';
import { checkSizes } from './sizes.js';

export interface GroupNormOptions extends FactoryOptions {
  /** Added to the variance. */
  eps?: number;
  /** Whether there are a weight and a bias. */
  affine?: boolean;
}

const ORDER = ['eps', 'affine'] as const;

/**
 * y = (x − mean) / √(var + eps) · weight + bias over the channels of a group and all positions of [N, C, …];
 * weight (ones) and bias (zeros) are per channel. Wu & He 2018;
 * https://pytorch.org/docs/1.13/generated/torch.nn.GroupNorm.html
 */
export class GroupNorm<C extends number = number> extends Layer<ChannelsFn<C, 'GroupNorm'>> {
  readonly numGroups: number;
  readonly numChannels: C;
  readonly eps: number;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(numGroups: number, numChannels: C, ...rest: Arguments<GroupNormOptions, typeof ORDER>) {
    super();
    const options = readArguments<GroupNormOptions>('GroupNorm', ORDER, FACTORY, rest);
    const { eps = 1e-5, affine = true } = options;
    checkSizes('GroupNorm', { numGroups, numChannels });
    if (numChannels % numGroups !== 0) {
      throw new ValueError(`GroupNorm: ${numChannels} channels cannot be divided into ${numGroups} groups`);
    }
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    this.eps = eps;
    this.weight = affine ? newParameter([numChannels], options) : null;
    this.bias = affine ? newParameter([numChannels], options) : null;
    this.resetParameters();
  }

  /** Sets weight and bias to 1 and 0. */
  resetParameters(): void {
    if (this.weight) ones_(this.weight);
    if (this.bias) zeros_(this.bias);
  }

  forward(input: Tensor): Tensor {
    return groupNorm(input, this.numGroups, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    return `${this.numGroups}, ${this.numChannels}, eps=${pythonic(this.eps)}, affine=${pythonic(this.weight !== null)}`;
  }
}
