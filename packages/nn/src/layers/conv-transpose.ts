import { type Tensor, ValueError } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { convTranspose1d, convTranspose2d, convTranspose3d } from '../functional/conv.js';
import { type PerDim, perDim } from '../functional/spatial.js';
import { calculateFanInAndFanOut } from '../init/fan.js';
import { uniform_ } from '../init/simple.js';
import { Layer } from '../module/module.js';
import { pythonic } from '../module/repr.js';
import type { Parameter } from '../parameter.js';
import type { ConvFn } from '../types/shape-fn.js';
import { FACTORY, type FactoryOptions, newParameter } from './factory.js';
import { checkSizes } from './sizes.js';

export interface ConvTransposeOptions extends FactoryOptions {
  stride?: PerDim;
  padding?: PerDim;
  outputPadding?: PerDim;
  groups?: number;
  bias?: boolean;
  dilation?: PerDim;
}

const ORDER = ['stride', 'padding', 'outputPadding', 'groups', 'bias', 'dilation'] as const;
export type ConvTransposeArguments = Arguments<ConvTransposeOptions, typeof ORDER>;

const FUNCTIONS = { 1: convTranspose1d, 2: convTranspose2d, 3: convTranspose3d };

/**
 * Transposed convolutions: input [N, inChannels, x…] or [inChannels, x…] → [N, outChannels, y…] with y = (x −
 * 1)·stride − 2·padding + dilation·(kernelSize − 1) + outputPadding + 1. The weight is [inChannels,
 * outChannels/groups, kernel…]; it and the bias start uniform within ±1/√fan, the fan being that of the
 * weight's dimension 1, as in PyTorch.
 */
abstract class ConvTransposeNd<N extends 1 | 2 | 3, In extends number, Out extends number> extends Layer<
  ConvFn<N, In, Out>
> {
  readonly inChannels: In;
  readonly outChannels: Out;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(
    spatialDims: N,
    inChannels: In,
    outChannels: Out,
    kernelSize: PerDim,
    rest: ConvTransposeArguments,
  ) {
    super();
    const name = this.constructor.name;
    const options = readArguments<ConvTransposeOptions>(name, ORDER, FACTORY, rest);
    const { groups = 1, bias = true } = options;
    checkSizes(name, { inChannels, outChannels, groups });
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new ValueError(
        `${name}: ${inChannels} input and ${outChannels} output channels must both be divisible by ${groups} groups`,
      );
    }
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = perDim(name, 'kernelSize', kernelSize, spatialDims, 1);
    this.stride = perDim(name, 'stride', options.stride ?? 1, spatialDims, 1);
    this.padding = perDim(name, 'padding', options.padding ?? 0, spatialDims, 0);
    this.outputPadding = perDim(name, 'outputPadding', options.outputPadding ?? 0, spatialDims, 0);
    this.dilation = perDim(name, 'dilation', options.dilation ?? 1, spatialDims, 1);
    this.groups = groups;
    this.weight = newParameter([inChannels, outChannels / groups, ...this.kernelSize], options);
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
    const { stride, padding, outputPadding, groups, dilation } = this;
    const convolve = FUNCTIONS[this.kernelSize.length as N];
    return convolve(input, this.weight, this.bias, { stride, padding, outputPadding, groups, dilation });
  }

  override extraRepr(): string {
    const zeros = (values: readonly number[]): boolean => values.every((value) => value === 0);
    const parts = [
      `${this.inChannels}, ${this.outChannels}, kernel_size=${pythonic(this.kernelSize)}, stride=${pythonic(this.stride)}`,
    ];
    if (!zeros(this.padding)) parts.push(`padding=${pythonic(this.padding)}`);
    if (this.dilation.some((size) => size !== 1)) parts.push(`dilation=${pythonic(this.dilation)}`);
    if (!zeros(this.outputPadding)) parts.push(`output_padding=${pythonic(this.outputPadding)}`);
    if (this.groups !== 1) parts.push(`groups=${this.groups}`);
    if (!this.bias) parts.push('bias=False');
    return parts.join(', ');
  }
}

/** See {@link ConvTransposeNd}. https://pytorch.org/docs/1.13/generated/torch.nn.ConvTranspose1d.html */
export class ConvTranspose1d<In extends number = number, Out extends number = number> extends ConvTransposeNd<
  1,
  In,
  Out
> {
  constructor(inChannels: In, outChannels: Out, kernelSize: PerDim, ...rest: ConvTransposeArguments) {
    super(1, inChannels, outChannels, kernelSize, rest);
  }
}

/** See {@link ConvTransposeNd}. https://pytorch.org/docs/1.13/generated/torch.nn.ConvTranspose2d.html */
export class ConvTranspose2d<In extends number = number, Out extends number = number> extends ConvTransposeNd<
  2,
  In,
  Out
> {
  constructor(inChannels: In, outChannels: Out, kernelSize: PerDim, ...rest: ConvTransposeArguments) {
    super(2, inChannels, outChannels, kernelSize, rest);
  }
}

/** See {@link ConvTransposeNd}. https://pytorch.org/docs/1.13/generated/torch.nn.ConvTranspose3d.html */
export class ConvTranspose3d<In extends number = number, Out extends number = number> extends ConvTransposeNd<
  3,
  In,
  Out
> {
  constructor(inChannels: In, outChannels: Out, kernelSize: PerDim, ...rest: ConvTransposeArguments) {
    super(3, inChannels, outChannels, kernelSize, rest);
  }
}
