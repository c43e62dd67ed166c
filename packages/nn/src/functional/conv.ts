import { autocastOperands, conv, ShapeError, type Tensor, ValueError } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { convPadding, type PerDim, perDim, withBatch } from './spatial.js';

export interface ConvOptions {
  stride?: PerDim;
  /** Zeros on both sides of each spatial dimension; 'valid' is 0, 'same' keeps the size (stride 1 only). */
  padding?: PerDim | 'valid' | 'same';
  dilation?: PerDim;
  groups?: number;
}

type ConvArguments = Arguments<ConvOptions, ['stride', 'padding', 'dilation', 'groups']>;

/**
 * Cross-correlation with `spatialDims` spatial dimensions: input [N, C, x…] or [C, x…], weight [O, C/groups,
 * k…], bias [O] → [N, O, y…] with y = ⌊(x + 2·padding − dilation·(k − 1) − 1) / stride⌋ + 1.
 */
function convolve(
  name: string,
  spatialDims: number,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null | undefined,
  rest: ConvArguments,
): Tensor {
  [input, weight, bias] = autocastOperands('float16', input, weight, bias);
  const options = readArguments<ConvOptions>(name, ['stride', 'padding', 'dilation', 'groups'], [], rest);
  const stride = perDim(name, 'stride', options.stride ?? 1, spatialDims, 1);
  const dilation = perDim(name, 'dilation', options.dilation ?? 1, spatialDims, 1);
  const kernel = weight.shape.slice(2);
  const groups = options.groups ?? 1;
  if (weight.ndim !== spatialDims + 2) {
    throw new ShapeError(
      `${name}: the weight needs ${spatialDims + 2} dimensions [O, C/groups, …], got [${weight.shape.join(', ')}]`,
    );
  }
  const padding = convPadding(name, options.padding ?? 0, kernel, stride, dilation);
  return withBatch(name, input, spatialDims, (x) => {
    if (x.shape[1] !== weight.shape[1] * groups || weight.shape[0] % groups !== 0) {
      throw new ShapeError(
        `${name}: the input [${input.shape.join(', ')}] has ${x.shape[1]} channels, the weight [${weight.shape.join(', ')}] with ${groups} groups takes ${weight.shape[1] * groups}`,
      );
    }
    const inputDilation = kernel.map(() => 1);
    return addBias(name, conv(x, weight, { stride, padding, dilation, inputDilation, groups }), bias);
  });
}

function addBias(name: string, result: Tensor, bias: Tensor | null | undefined): Tensor {
  if (!bias) return result;
  if (bias.ndim !== 1 || bias.shape[0] !== result.shape[1]) {
    throw new ShapeError(
      `${name}: the bias must have shape [${result.shape[1]}], got [${bias.shape.join(', ')}]`,
    );
  }
  return result.add(bias.reshape([-1, ...result.shape.slice(2).map(() => 1)]));
}

/**
 * 1-d convolution, see {@link convolve}.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.conv1d.html
 */
export function conv1d(input: Tensor, weight: Tensor, bias?: Tensor | null, ...rest: ConvArguments): Tensor {
  return convolve('conv1d', 1, input, weight, bias, rest);
}

/**
 * 2-d convolution, see {@link convolve}.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.conv2d.html
 */
export function conv2d(input: Tensor, weight: Tensor, bias?: Tensor | null, ...rest: ConvArguments): Tensor {
  return convolve('conv2d', 2, input, weight, bias, rest);
}

/**
 * 3-d convolution, see {@link convolve}.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.conv3d.html
 */
export function conv3d(input: Tensor, weight: Tensor, bias?: Tensor | null, ...rest: ConvArguments): Tensor {
  return convolve('conv3d', 3, input, weight, bias, rest);
}

export interface ConvTransposeOptions {
  stride?: PerDim;
  /** Rows and columns of the result that are cut off on both sides. */
  padding?: PerDim;
  /** Rows and columns added at the end of the result. */
  outputPadding?: PerDim;
  groups?: number;
  dilation?: PerDim;
}

type TransposeArguments = Arguments<
  ConvTransposeOptions,
  ['stride', 'padding', 'outputPadding', 'groups', 'dilation']
>;

/**
 * Transposed convolution, the gradient of {@link convolve} with respect to its input: input [N, C, x…] or [C,
 * x…], weight [C, O/groups, k…], bias [O] → [N, O, y…] with y = (x − 1)·stride − 2·padding + dilation·(k − 1)
 * + outputPadding + 1.
 */
function convolveTransposed(
  name: string,
  spatialDims: number,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null | undefined,
  rest: TransposeArguments,
): Tensor {
  [input, weight, bias] = autocastOperands('float16', input, weight, bias);
  const order = ['stride', 'padding', 'outputPadding', 'groups', 'dilation'] as const;
  const options = readArguments<ConvTransposeOptions>(name, order, [], rest);
  const inputDilation = perDim(name, 'stride', options.stride ?? 1, spatialDims, 1);
  const padding = perDim(name, 'padding', options.padding ?? 0, spatialDims, 0);
  const outputPadding = perDim(name, 'outputPadding', options.outputPadding ?? 0, spatialDims, 0);
  const dilation = perDim(name, 'dilation', options.dilation ?? 1, spatialDims, 1);
  const groups = options.groups ?? 1;
  if (weight.ndim !== spatialDims + 2) {
    throw new ShapeError(
      `${name}: the weight needs ${spatialDims + 2} dimensions [C, O/groups, …], got [${weight.shape.join(', ')}]`,
    );
  }
  if (outputPadding.some((size, d) => size >= Math.max(inputDilation[d], dilation[d]))) {
    throw new ValueError(
      `${name}: outputPadding [${outputPadding.join(', ')}] must be smaller than stride [${inputDilation.join(', ')}] or dilation [${dilation.join(', ')}]`,
    );
  }
  const [inChannels, groupOutputs, ...kernel] = weight.shape;
  return withBatch(name, input, spatialDims, (x) => {
    if (x.shape[1] !== inChannels || inChannels % groups !== 0) {
      throw new ShapeError(
        `${name}: the input [${input.shape.join(', ')}] has ${x.shape[1]} channels, the weight [${weight.shape.join(', ')}] takes ${inChannels} in ${groups} groups`,
      );
    }
    const spatial = kernel.map((_, d) => d + 2);
    const flipped = weight
      .reshape([groups, inChannels / groups, groupOutputs, ...kernel])
      .transpose(1, 2)
      .reshape([groups * groupOutputs, inChannels / groups, ...kernel])
      .flip(spatial);
    const result = conv(x, flipped, {
      stride: kernel.map(() => 1),
      padding: kernel.map((size, d) => {
        const border = dilation[d] * (size - 1) - padding[d];
        return [border, border + outputPadding[d]] as const;
      }),
      dilation,
      inputDilation,
      groups,
    });
    return addBias(name, result, bias);
  });
}

/**
 * 1-d transposed convolution, see {@link convolveTransposed}.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.conv_transpose1d.html
 */
export function convTranspose1d(
  input: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  ...rest: TransposeArguments
): Tensor {
  return convolveTransposed('convTranspose1d', 1, input, weight, bias, rest);
}

/**
 * 2-d transposed convolution, see {@link convolveTransposed}.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.conv_transpose2d.html
 */
export function convTranspose2d(
  input: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  ...rest: TransposeArguments
): Tensor {
  return convolveTransposed('convTranspose2d', 2, input, weight, bias, rest);
}

/**
 * 3-d transposed convolution, see {@link convolveTransposed}.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.conv_transpose3d.html
 */
export function convTranspose3d(
  input: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  ...rest: TransposeArguments
): Tensor {
  return convolveTransposed('convTranspose3d', 3, input, weight, bias, rest);
}
