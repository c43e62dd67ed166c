import { bernoulli, type Generator, rand, type Tensor, ValueError, where } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { deviceOf, like } from '../like.js';

export interface DropoutOptions {
  /** Probability of an element to become zero. */
  p?: number;
  /** Outside training dropout is the identity. */
  training?: boolean;
  /** Where the mask's bits come from; the default generator if left out. */
  generator?: Generator;
}

type DropoutArguments = Arguments<DropoutOptions, ['p', 'training']>;

/** Zeroes with probability p and multiplies the rest by 1/(1 − p); one draw per element of `maskShape`. */
function drop(name: string, input: Tensor, rest: DropoutArguments, maskShape: readonly number[]): Tensor {
  const {
    p = 0.5,
    training = true,
    generator,
  } = readArguments<DropoutOptions>(name, ['p', 'training'], ['generator'], rest);
  if (!(p >= 0 && p <= 1)) throw new ValueError(`${name}: p must be between 0 and 1, got ${p}`);
  if (!training || p === 0) return input;
  if (p === 1) return input.mul(0);
  const kept = bernoulli(1 - p, maskShape, { dtype: 'bool', device: deviceOf(input), generator });
  return input.mul(kept.to(input.dtype).mul(1 / (1 - p)));
}

/**
 * Drops single elements. Srivastava et al. 2014;
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.dropout.html
 */
export function dropout(input: Tensor, ...rest: DropoutArguments): Tensor {
  return drop('dropout', input, rest, input.shape);
}

/**
 * Drops whole channels of [N, C, L] or [C, L].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.dropout1d.html
 */
export function dropout1d(input: Tensor, ...rest: DropoutArguments): Tensor {
  return drop('dropout1d', input, rest, channelShape(input, 1));
}

/**
 * Drops whole channels of [N, C, H, W] or [C, H, W].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.dropout2d.html
 */
export function dropout2d(input: Tensor, ...rest: DropoutArguments): Tensor {
  return drop('dropout2d', input, rest, channelShape(input, 2));
}

/**
 * Drops whole channels of [N, C, D, H, W] or [C, D, H, W].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.dropout3d.html
 */
export function dropout3d(input: Tensor, ...rest: DropoutArguments): Tensor {
  return drop('dropout3d', input, rest, channelShape(input, 3));
}

const channelShape = (input: Tensor, spatialDims: number): number[] =>
  input.shape.map((size, d) => (d < input.ndim - spatialDims ? size : 1));

export interface RReluOptions {
  lower?: number;
  upper?: number;
  training?: boolean;
  generator?: Generator;
}

/**
 * x for x ≥ 0, a·x otherwise; in training a is drawn from [lower, upper) for each element, else it is the
 * middle. https://pytorch.org/docs/1.13/generated/torch.nn.functional.rrelu.html
 */
export function rrelu(
  input: Tensor,
  ...rest: Arguments<RReluOptions, ['lower', 'upper', 'training']>
): Tensor {
  const order = ['lower', 'upper', 'training'] as const;
  const options = readArguments<RReluOptions>('rrelu', order, ['generator'], rest);
  const { lower = 1 / 8, upper = 1 / 3, training = false, generator } = options;
  const random = (): Tensor => rand(input.shape, { ...like(input), generator });
  const slope = training
    ? random()
        .mul(upper - lower)
        .add(lower)
    : (lower + upper) / 2;
  return where(input.ge(0), input, input.mul(slope));
}
