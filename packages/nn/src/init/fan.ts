import { ShapeError, type Tensor, ValueError } from '@neurite/tensor';

/** Number of inputs and outputs of one unit. */
export interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

/** Which of the two a variance is kept over: PyTorch's words. */
export type FanMode = 'fan_in' | 'fan_out';

/**
 * Fans of a weight [out, in, kernel…]: in and out times the size of the kernel. Throws ShapeError below 2 dimensions.
 */
export function calculateFanInAndFanOut(tensor: Tensor): Fans {
  if (tensor.ndim < 2) {
    throw new ShapeError(
      `calculateFanInAndFanOut: needs at least 2 dimensions, got [${tensor.shape.join(', ')}]`,
    );
  }
  const [out, inputs, ...kernel] = tensor.shape;
  const field = kernel.reduce((a, b) => a * b, 1);
  return { fanIn: inputs * field, fanOut: out * field };
}

/** The fan that a mode names. */
export function fanOf(name: string, tensor: Tensor, mode: FanMode): number {
  const { fanIn, fanOut } = calculateFanInAndFanOut(tensor);
  if (mode === 'fan_in') return fanIn;
  if (mode === 'fan_out') return fanOut;
  throw new ValueError(`${name}: mode must be 'fan_in' or 'fan_out', got '${String(mode)}'`);
}

/** Functions that a gain is known for: PyTorch's names. */
export type Nonlinearity =
  | 'linear'
  | 'conv1d'
  | 'conv2d'
  | 'conv3d'
  | 'conv_transpose1d'
  | 'conv_transpose2d'
  | 'conv_transpose3d'
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'leaky_relu'
  | 'selu';

/**
 * The factor by which a nonlinearity's weights must be larger to keep the variance; `param` is leaky_relu's slope.
 * https://pytorch.org/docs/1.13/nn.init.html#torch.nn.init.calculate_gain
 */
export function calculateGain(nonlinearity: Nonlinearity, param?: number | null): number {
  switch (nonlinearity) {
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.SQRT2;
    case 'leaky_relu':
      return Math.sqrt(2 / (1 + (param ?? 0.01) ** 2));
    case 'selu':
      // Found by experiment; lecunNormal_ has the paper's own 1.
      return 3 / 4;
    case 'linear':
    case 'conv1d':
    case 'conv2d':
    case 'conv3d':
    case 'conv_transpose1d':
    case 'conv_transpose2d':
    case 'conv_transpose3d':
    case 'sigmoid':
      return 1;
    default:
      throw new ValueError(`calculateGain: no gain is known for '${String(nonlinearity)}'`);
  }
}
