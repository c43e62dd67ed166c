import { type Tensor, ValueError } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { type ConvOptions as ConvSettings, conv1d, conv2d, conv3d } from '../functional/conv.js';
import { type PadMode, padLast } from '../functional/pad.js';
import { convPadding, type PerDim, perDim } from '../functional/spatial.js';
import { calculateFanInAndFanOut } from '../init/fan.js';
import { uniform_ } from '../init/simple.js';
import { Layer } from '../module/module.js';
import { pythonic } from '../module/repr.js';
import type { Parameter } from '../parameter.js';
import type { ConvFn } from '../types/shape-fn.js';
import { FACTORY, type FactoryOptions, newParameter } from './factory.js';
import { checkSizes } from './sizes.js';

export interface ConvOptions extends ConvSettings, FactoryOptions {
  /** Whether there is a bias. */
  bias?: boolean;
  /** What lies in the padding: zeros, the mirror image, the edge, or the other end. */
  paddingMode?: 'zeros' | Exclude<PadMode, 'constant'>;
}

const ORDER = ['stride', 'padding', 'dilation', 'groups', 'bias', 'paddingMode'] as const;
export type ConvArguments = Arguments<ConvOptions, typeof ORDER>;

const PADDING_MODES = ['zeros', 'reflect', 'replicate', 'circular'];

const FUNCTIONS = { 1: conv1d, 2: conv2d, 3: conv3d };

/**
 * Convolutions: input [N, inChannels, x…] or [inChannels, x…] → [N, outChannels, y…] with y = ⌊(x + 2·padding
 * − dilation·(kernelSize − 1) − 1) / stride⌋ + 1. The weight is [outChannels, inChannels/groups, kernel…],
 * the bias [outChannels]; both start uniform within ±1/√fanIn (PyTorch's kaiming_uniform with a = √5).
 */
abstract class ConvNd<N extends 1 | 2 | 3, In extends number, Out extends number> extends Layer<
  ConvFn<N, In, Out>
> {
  readonly inChannels: In;
  readonly outChannels: Out;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[] | 'valid' | 'same';
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly paddingMode: NonNullable<ConvOptions['paddingMode']>;
  weight: Parameter;
  bias: Parameter | null;

  constructor(spatialDims: N, inChannels: In, outChannels: Out, kernelSize: PerDim, rest: ConvArguments) {
    super();
    const name = this.constructor.name;
    const options = readArguments<ConvOptions>(name, ORDER, FACTORY, rest);
    const { groups = 1, bias = true, padding = 0, paddingMode = 'zeros' } = options;
    checkSizes(name, { inChannels, outChannels, groups });
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new ValueError(
        `${name}: ${inChannels} input and ${outChannels} output channels must both be divisible by ${groups} groups`,
      );
    }
    if (!PADDING_MODES.includes(paddingMode)) {
      throw new ValueError(
        `${name}: paddingMode must be one of ${PADDING_MODES.join(', ')}, got '${String(paddingMode)}'`,
      );
    }
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = perDim(name, 'kernelSize', kernelSize, spatialDims, 1);
    this.stride = perDim(name, 'stride', options.stride ?? 1, spatialDims, 1);
    this.padding = typeof padding === 'string' ? padding : perDim(name, 'padding', padding, spatialDims, 0);
    this.dilation = perDim(name, 'dilation', options.dilation ?? 1, spatialDims, 1);
    this.groups = groups;
    this.paddingMode = paddingMode;
    if (this.padding === 'same' && this.stride.some((step) => step !== 1)) {
      throw new ValueError(`${name}: padding 'same' needs stride 1, got [${this.stride.join(', ')}]`);
    }
    this.weight = newParameter([outChannels, inChannels / groups, ...this.kernelSize], options);
    this.bias = bias ? newParameter([outChannels], options) : null;
    this.resetParameters();
  }

  /** Draws new initial values. */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(calculateFanInAndFanOut(this.weight).fanIn);
    uniform_(this.weight, -bound, bound);
    if (this.bias) uniform_(this.bias, -bound, bound);
  }

  forward(input: Tensor): Tensor {
    const { kernelSize, stride, padding, dilation, groups, paddingMode } = this;
    const convolve = FUNCTIONS[kernelSize.length as N];
    if (paddingMode === 'zeros') {
      return convolve(input, this.weight, this.bias, { stride, padding, dilation, groups });
    }
    const name = this.constructor.name;
    const padded = padLast(
      name,
      input,
      convPadding(name, padding, kernelSize, stride, dilation),
      paddingMode,
    );
    return convolve(padded, this.weight, this.bias, { stride, dilation, groups });
  }

  override extraRepr(): string {
    const ones = (values: readonly number[]): boolean => values.every((value) => value === 1);
    const parts = [
      `${this.inChannels}, ${this.outChannels}, kernel_size=${pythonic(this.kernelSize)}, stride=${pythonic(this.stride)}`,
    ];
    if (typeof this.padding === 'string') parts.push(`padding=${this.padding}`);
    else if (this.padding.some((size) => size !== 0)) parts.push(`padding=${pythonic(this.padding)}`);
    if (!ones(this.dilation)) parts.push(`dilation=${pythonic(this.dilation)}`);
    if (this.groups !== 1) parts.push(`groups=${this.groups}`);
    if (!this.bias) parts.push('bias=False');
    if (this.paddingMode !== 'zeros') parts.push(`padding_mode=${this.paddingMode}`);
    return parts.join(', ');
  }
}

/** 1-d convolution, see {@link ConvNd}. https://pytorch.org/docs/1.13/generated/torch.nn.Conv1d.html */
export class Conv1d<In extends number = number, Out extends number = number> extends ConvNd<1, In, Out> {
  constructor(inChannels: In, outChannels: Out, kernelSize: PerDim, ...rest: ConvArguments) {
    super(1, inChannels, outChannels, kernelSize, rest);
  }
}

/** 2-d convolution, see {@link ConvNd}. https://pytorch.org/docs/1.13/generated/torch.nn.Conv2d.html */
export class Conv2d<In extends number = number, Out extends number = number> extends ConvNd<2, In, Out> {
  constructor(inChannels: In, outChannels: Out, kernelSize: PerDim, ...rest: ConvArguments) {
    super(2, inChannels, outChannels, kernelSize, rest);
  }
}

/** 3-d convolution, see {@link ConvNd}. https://pytorch.org/docs/1.13/generated/torch.nn.Conv3d.html */
export class Conv3d<In extends number = number, Out extends number = number> extends ConvNd<3, In, Out> {
  constructor(inChannels: In, outChannels: Out, kernelSize: PerDim, ...rest: ConvArguments) {
    super(3, inChannels, outChannels, kernelSize, rest);
  }
}
