import type { Tensor } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  type OutputSize,
} from '../functional/adaptive-avg-pool.js';
import { type AvgPoolOptions, avgPool1d, avgPool2d, avgPool3d } from '../functional/avg-pool.js';
import { type MaxPoolOptions, maxPool1d, maxPool2d, maxPool3d } from '../functional/max-pool.js';
import type { PerDim } from '../functional/spatial.js';
import { Layer } from '../module/module.js';
import { pythonic } from '../module/repr.js';
import type { PoolFn } from '../types/shape-fn.js';

const MAX_FUNCTIONS = { 1: maxPool1d, 2: maxPool2d, 3: maxPool3d };
const AVG_FUNCTIONS = { 1: avgPool1d, 2: avgPool2d, 3: avgPool3d };
const ADAPTIVE_FUNCTIONS = { 1: adaptiveAvgPool1d, 2: adaptiveAvgPool2d, 3: adaptiveAvgPool3d };

type Rank = 1 | 2 | 3;

/** The options of a max-pooling layer; with indices it is {@link maxPool2d} and its like that one calls. */
export type MaxPoolLayerOptions = Omit<MaxPoolOptions, 'returnIndices'>;
const MAX_ORDER = ['stride', 'padding', 'dilation'] as const;
export type MaxPoolArguments = Arguments<MaxPoolLayerOptions, typeof MAX_ORDER>;

/**
 * Largest element of each window: [N, C, x…] or [C, x…] → the same with y = ⌊(x + 2·padding −
 * dilation·(kernelSize − 1) − 1) / stride⌋ + 1 (⌈…⌉ with `ceilMode`). The gradient goes to the first largest
 * element.
 */
abstract class MaxPoolNd<N extends Rank> extends Layer<PoolFn<N>> {
  readonly options: MaxPoolLayerOptions;

  constructor(
    private readonly spatialDims: N,
    readonly kernelSize: PerDim,
    rest: MaxPoolArguments,
  ) {
    super();
    this.options = readArguments<MaxPoolLayerOptions>(this.constructor.name, MAX_ORDER, ['ceilMode'], rest);
  }

  forward(input: Tensor): Tensor {
    return MAX_FUNCTIONS[this.spatialDims](input, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    const { stride, padding = 0, dilation = 1, ceilMode = false } = this.options;
    return `kernel_size=${pythonic(this.kernelSize)}, stride=${pythonic(stride ?? this.kernelSize)}, padding=${pythonic(padding)}, dilation=${pythonic(dilation)}, ceil_mode=${pythonic(ceilMode)}`;
  }
}

/** See {@link MaxPoolNd}. https://pytorch.org/docs/1.13/generated/torch.nn.MaxPool1d.html */
export class MaxPool1d extends MaxPoolNd<1> {
  constructor(kernelSize: PerDim, ...rest: MaxPoolArguments) {
    super(1, kernelSize, rest);
  }
}

/** See {@link MaxPoolNd}. https://pytorch.org/docs/1.13/generated/torch.nn.MaxPool2d.html */
export class MaxPool2d extends MaxPoolNd<2> {
  constructor(kernelSize: PerDim, ...rest: MaxPoolArguments) {
    super(2, kernelSize, rest);
  }
}

/** See {@link MaxPoolNd}. https://pytorch.org/docs/1.13/generated/torch.nn.MaxPool3d.html */
export class MaxPool3d extends MaxPoolNd<3> {
  constructor(kernelSize: PerDim, ...rest: MaxPoolArguments) {
    super(3, kernelSize, rest);
  }
}

const AVG_ORDER = ['stride', 'padding', 'ceilMode', 'countIncludePad', 'divisorOverride'] as const;
export type AvgPoolArguments = Arguments<AvgPoolOptions, typeof AVG_ORDER>;

/** Mean of each window; shapes as in {@link MaxPoolNd} without dilation. */
abstract class AvgPoolNd<N extends Rank> extends Layer<PoolFn<N>> {
  readonly options: AvgPoolOptions;

  constructor(
    private readonly spatialDims: N,
    readonly kernelSize: PerDim,
    rest: AvgPoolArguments,
  ) {
    super();
    this.options = readArguments<AvgPoolOptions>(this.constructor.name, AVG_ORDER, [], rest);
  }

  forward(input: Tensor): Tensor {
    return AVG_FUNCTIONS[this.spatialDims](input, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    const { stride, padding = 0 } = this.options;
    return `kernel_size=${pythonic(this.kernelSize)}, stride=${pythonic(stride ?? this.kernelSize)}, padding=${pythonic(padding)}`;
  }
}

/** See {@link AvgPoolNd}. https://pytorch.org/docs/1.13/generated/torch.nn.AvgPool1d.html */
export class AvgPool1d extends AvgPoolNd<1> {
  constructor(kernelSize: PerDim, ...rest: AvgPoolArguments) {
    super(1, kernelSize, rest);
  }
}

/** See {@link AvgPoolNd}. https://pytorch.org/docs/1.13/generated/torch.nn.AvgPool2d.html */
export class AvgPool2d extends AvgPoolNd<2> {
  constructor(kernelSize: PerDim, ...rest: AvgPoolArguments) {
    super(2, kernelSize, rest);
  }
}

/** See {@link AvgPoolNd}. https://pytorch.org/docs/1.13/generated/torch.nn.AvgPool3d.html */
export class AvgPool3d extends AvgPoolNd<3> {
  constructor(kernelSize: PerDim, ...rest: AvgPoolArguments) {
    super(3, kernelSize, rest);
  }
}

/**
 * Averages over as many regions as the result has elements: [N, C, x…] or [C, x…] → the same with
 * `outputSize`.
 */
abstract class AdaptiveAvgPoolNd<N extends Rank> extends Layer<PoolFn<N>> {
  constructor(
    private readonly spatialDims: N,
    /** `null` keeps the input's size. */
    readonly outputSize: OutputSize,
  ) {
    super();
  }

  forward(input: Tensor): Tensor {
    return ADAPTIVE_FUNCTIONS[this.spatialDims](input, this.outputSize);
  }

  override extraRepr(): string {
    return `output_size=${pythonic(this.outputSize)}`;
  }
}

/** See {@link AdaptiveAvgPoolNd}. https://pytorch.org/docs/1.13/generated/torch.nn.AdaptiveAvgPool1d.html */
export class AdaptiveAvgPool1d extends AdaptiveAvgPoolNd<1> {
  constructor(outputSize: OutputSize) {
    super(1, outputSize);
  }
}

/** See {@link AdaptiveAvgPoolNd}. https://pytorch.org/docs/1.13/generated/torch.nn.AdaptiveAvgPool2d.html */
export class AdaptiveAvgPool2d extends AdaptiveAvgPoolNd<2> {
  constructor(outputSize: OutputSize) {
    super(2, outputSize);
  }
}

/** See {@link AdaptiveAvgPoolNd}. https://pytorch.org/docs/1.13/generated/torch.nn.AdaptiveAvgPool3d.html */
export class AdaptiveAvgPool3d extends AdaptiveAvgPoolNd<3> {
  constructor(outputSize: OutputSize) {
    super(3, outputSize);
  }
}
