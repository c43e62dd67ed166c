import { type Shape, ShapeError, Tensor, ValueError } from '@neurite/tensor';

/**
 * Which fan a variance is kept over: that of the forward pass or that of the gradients. PyTorch's spelling is
 * taken too.
 */
export type FanMode = 'fanIn' | 'fanOut' | 'fan_in' | 'fan_out';

/** Number of inputs and outputs of one unit. */
export interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

/**
 * Fans of a weight (or of its shape) [out, in, kernel…]: in and out times the size of the kernel. Throws
 * ShapeError below 2 dimensions.
 */
export function calculateFanInAndFanOut(weight: Tensor | Shape): Fans {
  const shape = weight instanceof Tensor ? weight.shape : weight;
  if (shape.length < 2) {
    throw new ShapeError(`calculateFanInAndFanOut: needs at least 2 dimensions, got [${shape.join(', ')}]`);
  }
  const [out, inputs, ...kernel] = shape;
  const field = kernel.reduce((a, b) => a * b, 1);
  return { fanIn: inputs * field, fanOut: out * field };
}

/** The fan that a mode names. */
export function fanOf(name: string, tensor: Tensor, mode: FanMode): number {
  const { fanIn, fanOut } = calculateFanInAndFanOut(tensor);
  switch (mode) {
    case 'fanIn':
    case 'fan_in':
      return fanIn;
    case 'fanOut':
    case 'fan_out':
      return fanOut;
    default:
      throw new ValueError(`${name}: mode must be 'fanIn' or 'fanOut', got '${String(mode)}'`);
  }
}

const SLOPED = Math.SQRT2;

/** The gain of each function; leaky ReLU's depends on its slope. */
const GAINS = {
  linear: 1,
  conv1d: 1,
  conv2d: 1,
  conv3d: 1,
  convTranspose1d: 1,
  convTranspose2d: 1,
  convTranspose3d: 1,
  sigmoid: 1,
  tanh: 5 / 3,
  relu: SLOPED,
  leakyRelu: (slope: number): number => SLOPED / Math.sqrt(1 + slope ** 2),
  // PyTorch's, found by experiment; the paper's own weights are lecunNormal_.
  selu: 3 / 4,
} as const;

/** Functions that a gain is known for, in our spelling or in PyTorch's. */
export type Nonlinearity =
  | keyof typeof GAINS
  | 'leaky_relu'
  | 'conv_transpose1d'
  | 'conv_transpose2d'
  | 'conv_transpose3d';

/**
 * The factor by which the weights before a nonlinearity must be larger to keep the variance; `param` is the
 * slope of a leaky ReLU (0.01). https://pytorch.org/docs/1.13/nn.init.html#torch.nn.init.calculate_gain
 */
export function calculateGain(nonlinearity: Nonlinearity, param?: number | null): number {
  const name = nonlinearity.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  if (!Object.hasOwn(GAINS, name))
    throw new ValueError(`calculateGain: no gain is known for '${nonlinearity}'`);
  const gain = GAINS[name as keyof typeof GAINS];
  return typeof gain === 'number' ? gain : gain(param ?? 0.01);
}
