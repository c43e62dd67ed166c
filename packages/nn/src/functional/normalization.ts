import { autocastOperands, noGrad, ShapeError, type Tensor, ValueError } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { constant } from '../like.js';
import { moveBuffer } from '../module/running.js';

/**
 * Normalisations: subtract the mean, divide by the standard deviation over some dimensions, then scale and
 * shift. The variance is the mean of the centred squares (two passes): the one-pass E[x²] − E[x]² cancels for
 * large means.
 */
interface Normalized {
  readonly value: Tensor;
  readonly mean: Tensor;
  /** Biased, as the division uses it. */
  readonly variance: Tensor;
}

function normalizeOver(x: Tensor, dims: number[], eps: number): Normalized {
  const mean = x.mean(dims, { keepdim: true });
  const centred = x.sub(mean);
  const variance = centred.mul(centred).mean(dims, { keepdim: true });
  return { value: centred.mul(variance.add(constant(x, eps)).rsqrt()), mean, variance };
}

function affine(
  x: Tensor,
  weight: Tensor | null | undefined,
  bias: Tensor | null | undefined,
  shape: readonly number[],
): Tensor {
  const scaled = weight ? x.mul(weight.reshape(shape)) : x;
  return bias ? scaled.add(bias.reshape(shape)) : scaled;
}

/** Half precision is widened for the formula and rounded once at its end, as PyTorch's kernels do. */
const wide = (x: Tensor): Tensor => (x.dtype === 'float16' ? x.float() : x);

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

export interface BatchNormOptions {
  /** Whether the batch's own statistics are used (and the running ones updated). */
  training?: boolean;
  /** Share of the new statistics in the running ones; a tensor of one element for a share that changes. */
  momentum?: number | Tensor;
  eps?: number;
}

/**
 * Normalises each channel over the batch and all positions; input [N, C, …], the other tensors [C]. In
 * training the handles `runningMean` and `runningVar`, if given, get `(1 − momentum)·old + momentum·batch`
 * (the variance unbiased). Ioffe & Szegedy 2015;
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.batch_norm.html
 */
export function batchNorm(
  input: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  weight?: Tensor | null,
  bias?: Tensor | null,
  ...rest: Arguments<BatchNormOptions, ['training', 'momentum', 'eps']>
): Tensor {
  const options = readArguments<BatchNormOptions>('batchNorm', ['training', 'momentum', 'eps'], [], rest);
  const { training = false, momentum = 0.1, eps = 1e-5 } = options;
  if (input.numel === 0) return input;
  if (input.ndim < 2)
    throw new ShapeError(`batchNorm: takes at least 2 dimensions [N, C, …], got [${input.shape.join(', ')}]`);
  const perChannel = [1, input.shape[1], ...input.shape.slice(2).map(() => 1)];
  for (const [name, tensor] of Object.entries({ runningMean, runningVar, weight, bias })) {
    if (tensor && tensor.numel !== input.shape[1]) {
      throw new ShapeError(
        `batchNorm: ${name} has ${tensor.numel} elements, the input [${input.shape.join(', ')}] has ${input.shape[1]} channels`,
      );
    }
  }
  if (!training) {
    if (!runningMean || !runningVar)
      throw new ValueError('batchNorm: outside training it needs runningMean and runningVar');
    const centred = wide(input).sub(runningMean.reshape(perChannel));
    const spread = wide(runningVar);
    return affine(
      centred.mul(spread.add(constant(spread, eps)).rsqrt().reshape(perChannel)),
      weight,
      bias,
      perChannel,
    ).to(input.dtype);
  }
  const count = input.numel / input.shape[1];
  if (count === 1) {
    throw new ValueError(
      `batchNorm: training needs more than one value per channel, got [${input.shape.join(', ')}]`,
    );
  }
  const dims = input.shape.map((_, d) => d).filter((d) => d !== 1);
  const { value, mean, variance } = normalizeOver(wide(input), dims, eps);
  follow(runningMean, mean, momentum);
  follow(runningVar, variance.mul(constant(variance, count / (count - 1))), momentum);
  return affine(value, weight, bias, perChannel).to(input.dtype);
}

/** Moves a running statistic towards the batch's, outside the tape. */
function follow(running: Tensor | null, batch: Tensor, momentum: number | Tensor): void {
  if (!running) return;
  noGrad(() => {
    const target = batch.detach().reshape(running.shape);
    moveBuffer(
      running,
      running.add(
        target.sub(running).mul(typeof momentum === 'number' ? constant(running, momentum) : momentum),
      ),
    );
  });
}

export interface InstanceNormOptions {
  runningMean?: Tensor | null;
  runningVar?: Tensor | null;
  weight?: Tensor | null;
  bias?: Tensor | null;
  /** Whether the instances' own statistics are used (and the running ones updated). */
  useInputStats?: boolean;
  momentum?: number;
  eps?: number;
}

/**
 * Normalises each channel of each instance over its positions; input [N, C, …]. The running statistics are
 * the means over the instances. Ulyanov et al. 2016;
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.instance_norm.html
 */
export function instanceNorm(
  input: Tensor,
  ...rest: Arguments<
    InstanceNormOptions,
    ['runningMean', 'runningVar', 'weight', 'bias', 'useInputStats', 'momentum', 'eps']
  >
): Tensor {
  const order = ['runningMean', 'runningVar', 'weight', 'bias', 'useInputStats', 'momentum', 'eps'] as const;
  const options = readArguments<InstanceNormOptions>('instanceNorm', order, [], rest);
  const {
    runningMean = null,
    runningVar = null,
    weight,
    bias,
    useInputStats = true,
    momentum = 0.1,
    eps = 1e-5,
  } = options;
  if (input.ndim < 3)
    throw new ShapeError(
      `instanceNorm: takes at least 3 dimensions [N, C, …], got [${input.shape.join(', ')}]`,
    );
  if (!useInputStats) return batchNorm(input, runningMean, runningVar, weight, bias, { eps });
  const positions = product(input.shape.slice(2));
  if (positions === 1) {
    throw new ValueError(
      `instanceNorm: training needs more than one position per channel, got [${input.shape.join(', ')}]`,
    );
  }
  const { value, mean, variance } = normalizeOver(wide(input), input.shape.map((_, d) => d).slice(2), eps);
  follow(runningMean, mean.mean(0), momentum);
  follow(runningVar, variance.mean(0).mul(constant(variance, positions / (positions - 1))), momentum);
  return affine(value, weight, bias, [1, input.shape[1], ...input.shape.slice(2).map(() => 1)]).to(
    input.dtype,
  );
}

export interface LayerNormOptions {
  eps?: number;
}

/**
 * Normalises over the last dimensions, whose sizes are `normalizedShape`; weight and bias have that shape.
 * Ba et al. 2016; https://pytorch.org/docs/1.13/generated/torch.nn.functional.layer_norm.html
 */
export function layerNorm(
  input: Tensor,
  normalizedShape: number | readonly number[],
  weight?: Tensor | null,
  bias?: Tensor | null,
  ...rest: Arguments<LayerNormOptions, ['eps']>
): Tensor {
  const { eps = 1e-5 } = readArguments<LayerNormOptions>('layerNorm', ['eps'], [], rest);
  [input, weight, bias] = autocastOperands('float32', input, weight, bias);
  const sizes = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape;
  const first = input.ndim - sizes.length;
  if (sizes.length === 0 || first < 0 || sizes.some((size, d) => input.shape[first + d] !== size)) {
    throw new ShapeError(
      `layerNorm: the input [${input.shape.join(', ')}] must end in normalizedShape [${sizes.join(', ')}]`,
    );
  }
  const dims = sizes.map((_, d) => first + d);
  return affine(normalizeOver(wide(input), dims, eps).value, weight, bias, sizes).to(input.dtype);
}

export interface GroupNormOptions {
  weight?: Tensor | null;
  bias?: Tensor | null;
  eps?: number;
}

/**
 * Normalises over the channels of a group and all positions; input [N, C, …], weight and bias [C].
 * Wu & He 2018; https://pytorch.org/docs/1.13/generated/torch.nn.functional.group_norm.html
 */
export function groupNorm(
  input: Tensor,
  numGroups: number,
  ...rest: Arguments<GroupNormOptions, ['weight', 'bias', 'eps']>
): Tensor {
  const options = readArguments<GroupNormOptions>('groupNorm', ['weight', 'bias', 'eps'], [], rest);
  const { eps = 1e-5 } = options;
  const [x, weight, bias] = autocastOperands('float32', input, options.weight, options.bias);
  const [batch, channels, ...spatial] = input.shape;
  if (input.ndim < 2 || channels % numGroups !== 0) {
    throw new ShapeError(
      `groupNorm: the channels of [${input.shape.join(', ')}] (dimension 1) cannot be divided into ${numGroups} groups`,
    );
  }
  const grouped = wide(x).reshape([batch, numGroups, channels / numGroups, ...spatial]);
  const dims = grouped.shape.map((_, d) => d).slice(2);
  const value = normalizeOver(grouped, dims, eps).value.reshape(input.shape);
  return affine(value, weight, bias, [1, channels, ...spatial.map(() => 1)]).to(x.dtype);
}
