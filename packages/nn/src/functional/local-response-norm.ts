import { ShapeError, type Tensor, ValueError } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { floats } from './similarity.js';

export interface LocalResponseNormOptions {
  alpha?: number;
  beta?: number;
  k?: number;
}

/**
 * x / (k + alpha · mean of x² over `size` neighbouring channels)^beta: input [N, C, …] (AlexNet's normalisation).
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.local_response_norm.html
 */
export function localResponseNorm(
  input: Tensor,
  size: number,
  ...rest: Arguments<LocalResponseNormOptions, ['alpha', 'beta', 'k']>
): Tensor {
  const order = ['alpha', 'beta', 'k'] as const;
  const options = readArguments<LocalResponseNormOptions>('localResponseNorm', order, [], rest);
  const { alpha = 1e-4, beta = 0.75, k = 1 } = options;
  if (input.ndim < 3)
    throw new ShapeError(
      `localResponseNorm: takes at least 3 dimensions [N, C, …], got [${input.shape.join(', ')}]`,
    );
  if (!Number.isInteger(size) || size < 1)
    throw new ValueError(`localResponseNorm: size must be an integer of at least 1, got ${size}`);
  const none = [0, 0] as const;
  const around = [Math.floor(size / 2), Math.floor((size - 1) / 2)] as const;
  const squares: Tensor = input.square().pad(input.shape.map((_, d) => (d === 1 ? around : none)));
  const shifted = Array.from({ length: size }, (_, i): Tensor => squares.narrow(1, i, input.shape[1]));
  const total = shifted.reduce((a, b) => a.add(b));
  // Of integers the mean is an integer, as average pooling gives it.
  const mean: Tensor = total.div(size, { roundingMode: total.dtype === 'int32' ? 'trunc' : null });
  return input.div(floats(mean).mul(alpha).add(k).pow(beta));
}
