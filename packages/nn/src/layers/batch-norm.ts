import { noGrad, ones, ShapeError, type Tensor, zeros } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { batchNorm, instanceNorm } from '../functional/normalization.js';
import { ones_, zeros_ } from '../init/simple.js';
import { Layer } from '../module/module.js';
import { pythonic } from '../module/repr.js';
import { moveBuffer } from '../module/running.js';
import type { Parameter } from '../parameter.js';
import type { ChannelsFn, SameShape, ShapeFn } from '../types/shape-fn.js';
import { FACTORY, type FactoryOptions, newParameter } from './factory.js';
import { checkSizes } from './sizes.js';

export interface RunningNormOptions extends FactoryOptions {
  /** Added to the variance. */
  eps?: number;
  /** Share of the new statistics in the running ones; `null` averages over all batches alike. */
  momentum?: number | null;
  /** Whether there are a weight and a bias. */
  affine?: boolean;
  /** Whether there are running statistics, which evaluation then uses. */
  trackRunningStats?: boolean;
}

const ORDER = ['eps', 'momentum', 'affine', 'trackRunningStats'] as const;
export type RunningNormArguments = Arguments<RunningNormOptions, typeof ORDER>;

/**
 * What batch and instance normalisation share: weight (ones) and bias (zeros) of [numFeatures], and the
 * buffers running_mean, running_var and num_batches_tracked, which a training step updates in the same plan.
 */
abstract class RunningNorm<F extends ShapeFn> extends Layer<F> {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  weight: Parameter | null;
  bias: Parameter | null;
  declare runningMean: Tensor | null;
  declare runningVar: Tensor | null;
  declare numBatchesTracked: Tensor | null;

  constructor(
    numFeatures: number,
    rest: RunningNormArguments,
    defaults: { affine: boolean; trackRunningStats: boolean },
  ) {
    super();
    const name = this.constructor.name;
    const options = readArguments<RunningNormOptions>(name, ORDER, FACTORY, rest);
    checkSizes(name, { numFeatures });
    const {
      eps = 1e-5,
      momentum = 0.1,
      affine = defaults.affine,
      trackRunningStats = defaults.trackRunningStats,
    } = options;
    const { device, dtype } = options;
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    this.affine = affine;
    this.trackRunningStats = trackRunningStats;
    this.weight = affine ? newParameter([numFeatures], options) : null;
    this.bias = affine ? newParameter([numFeatures], options) : null;
    this.registerBuffer('runningMean', trackRunningStats ? zeros([numFeatures], { device, dtype }) : null);
    this.registerBuffer('runningVar', trackRunningStats ? ones([numFeatures], { device, dtype }) : null);
    this.registerBuffer(
      'numBatchesTracked',
      trackRunningStats ? zeros([], { device, dtype: 'int32' }) : null,
    );
    this.resetParameters();
  }

  /** Sets weight and bias to 1 and 0 and forgets the running statistics. */
  resetParameters(): void {
    this.resetRunningStats();
    if (this.weight) ones_(this.weight);
    if (this.bias) zeros_(this.bias);
  }

  /** Sets the running statistics to those of nothing seen: mean 0, variance 1. */
  resetRunningStats(): void {
    if (this.runningMean) zeros_(this.runningMean);
    if (this.runningVar) ones_(this.runningVar);
    if (this.numBatchesTracked) zeros_(this.numBatchesTracked);
  }

  override extraRepr(): string {
    return `${this.numFeatures}, eps=${pythonic(this.eps)}, momentum=${pythonic(this.momentum)}, affine=${pythonic(this.affine)}, track_running_stats=${pythonic(this.trackRunningStats)}`;
  }

  protected checkInput(input: Tensor, ranks: readonly number[], channelDim: number): void {
    if (!ranks.includes(input.ndim) || input.shape[channelDim] !== this.numFeatures) {
      throw new ShapeError(
        `${this.constructor.name}: takes ${ranks.join(' or ')} dimensions with ${this.numFeatures} channels in dimension ${channelDim}, got [${input.shape.join(', ')}]`,
      );
    }
  }
}

/**
 * Normalises each channel of [N, C, …] over the batch and all positions: with the batch's statistics in
 * training, with the running ones in evaluation. y = (x − mean) / √(var + eps) · weight + bias.
 */
abstract class BatchNormNd<F extends ShapeFn> extends RunningNorm<F> {
  constructor(
    private readonly ranks: readonly number[],
    numFeatures: number,
    rest: RunningNormArguments,
  ) {
    super(numFeatures, rest, { affine: true, trackRunningStats: true });
  }

  forward(input: Tensor): Tensor {
    this.checkInput(input, this.ranks, 1);
    const { runningMean, runningVar, weight, bias, eps } = this;
    const training = this.training || !runningMean;
    const momentum = this.training ? this.#countBatch() : 0;
    // In training without tracking, and in evaluation without statistics, nothing is written.
    const tracked = this.training || !training;
    return batchNorm(input, tracked ? runningMean : null, tracked ? runningVar : null, weight, bias, {
      training,
      momentum,
      eps,
    });
  }

  /** Counts the batch and returns its share in the running statistics. */
  #countBatch(): number | Tensor {
    const counter = this.numBatchesTracked;
    if (!counter) return 0;
    return noGrad(() => {
      moveBuffer(counter, counter.add(1));
      return this.momentum ?? counter.to(this.runningMean?.dtype ?? 'float32').reciprocal();
    });
  }
}

/**
 * Over [N, C] or [N, C, L]; see {@link BatchNormNd}.
 * https://pytorch.org/docs/1.13/generated/torch.nn.BatchNorm1d.html
 */
export class BatchNorm1d<C extends number = number> extends BatchNormNd<ChannelsFn<C, 'BatchNorm1d'>> {
  constructor(numFeatures: C, ...rest: RunningNormArguments) {
    super([2, 3], numFeatures, rest);
  }
}

/**
 * Over [N, C, H, W]; see {@link BatchNormNd}.
 * https://pytorch.org/docs/1.13/generated/torch.nn.BatchNorm2d.html
 */
export class BatchNorm2d<C extends number = number> extends BatchNormNd<ChannelsFn<C, 'BatchNorm2d'>> {
  constructor(numFeatures: C, ...rest: RunningNormArguments) {
    super([4], numFeatures, rest);
  }
}

/**
 * Over [N, C, D, H, W]; see {@link BatchNormNd}.
 * https://pytorch.org/docs/1.13/generated/torch.nn.BatchNorm3d.html
 */
export class BatchNorm3d<C extends number = number> extends BatchNormNd<ChannelsFn<C, 'BatchNorm3d'>> {
  constructor(numFeatures: C, ...rest: RunningNormArguments) {
    super([5], numFeatures, rest);
  }
}

/**
 * Normalises each channel of each instance of [N, C, …] or [C, …] over its positions. Without
 * `trackRunningStats` it does so in evaluation too.
 */
abstract class InstanceNormNd extends RunningNorm<SameShape> {
  constructor(
    private readonly rank: number,
    numFeatures: number,
    rest: RunningNormArguments,
  ) {
    super(numFeatures, rest, { affine: false, trackRunningStats: false });
  }

  forward(input: Tensor): Tensor {
    const batched = input.ndim === this.rank;
    this.checkInput(input, [this.rank - 1, this.rank], batched ? 1 : 0);
    const { runningMean, runningVar, weight, bias, eps } = this;
    const result = instanceNorm(batched ? input : input.unsqueeze(0), {
      runningMean,
      runningVar,
      weight,
      bias,
      eps,
      useInputStats: this.training || !this.trackRunningStats,
      momentum: this.momentum ?? 0,
    });
    return batched ? result : result.squeeze(0);
  }
}

/**
 * Over [N, C, L]; see {@link InstanceNormNd}.
 * https://pytorch.org/docs/1.13/generated/torch.nn.InstanceNorm1d.html
 */
export class InstanceNorm1d extends InstanceNormNd {
  constructor(numFeatures: number, ...rest: RunningNormArguments) {
    super(3, numFeatures, rest);
  }
}

/**
 * Over [N, C, H, W]; see {@link InstanceNormNd}.
 * https://pytorch.org/docs/1.13/generated/torch.nn.InstanceNorm2d.html
 */
export class InstanceNorm2d extends InstanceNormNd {
  constructor(numFeatures: number, ...rest: RunningNormArguments) {
    super(4, numFeatures, rest);
  }
}

/**
 * Over [N, C, D, H, W]; see {@link InstanceNormNd}.
 * https://pytorch.org/docs/1.13/generated/torch.nn.InstanceNorm3d.html
 */
export class InstanceNorm3d extends InstanceNormNd {
  constructor(numFeatures: number, ...rest: RunningNormArguments) {
    super(5, numFeatures, rest);
  }
}
