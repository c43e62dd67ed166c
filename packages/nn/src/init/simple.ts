import { hostNormal, hostUniform, ShapeError, type Tensor, ValueError } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { fill, generatorOf, type RandomOptions } from './fill.js';

/**
 * Initialisers that do not look at fans. All change the tensor's handle in place, outside the tape, and
 * return it; random values are made on the host, so that one seed gives the same weights on every backend.
 * https://pytorch.org/docs/1.13/nn.init.html
 */

export interface UniformOptions extends RandomOptions {
  /** Lower limit. */
  a?: number;
  /** Upper limit, not included. */
  b?: number;
}

/** Uniform in [a, b) = [0, 1). */
export function uniform_<T extends Tensor>(tensor: T, ...rest: Arguments<UniformOptions, ['a', 'b']>): T {
  const {
    a = 0,
    b = 1,
    ...options
  } = readArguments<UniformOptions>('uniform_', ['a', 'b'], ['generator'], rest);
  if (!(a <= b)) throw new ValueError(`uniform_: the lower limit ${a} is above the upper limit ${b}`);
  return fill(tensor, hostUniform(generatorOf(options), tensor.numel, a, b));
}

export interface NormalOptions extends RandomOptions {
  mean?: number;
  std?: number;
}

/** Normal with mean 0 and standard deviation 1. */
export function normal_<T extends Tensor>(tensor: T, ...rest: Arguments<NormalOptions, ['mean', 'std']>): T {
  const {
    mean = 0,
    std = 1,
    ...options
  } = readArguments<NormalOptions>('normal_', ['mean', 'std'], ['generator'], rest);
  if (!(std >= 0)) throw new ValueError(`normal_: std must not be negative, got ${std}`);
  return fill(tensor, hostNormal(generatorOf(options), tensor.numel, mean, std));
}

/** Every element is `value`. */
export function constant_<T extends Tensor>(tensor: T, value: number): T {
  return fill(tensor, new Float64Array(tensor.numel).fill(value));
}

/** Every element is 1. */
export const ones_ = <T extends Tensor>(tensor: T): T => constant_(tensor, 1);

/** Every element is 0. */
export const zeros_ = <T extends Tensor>(tensor: T): T => constant_(tensor, 0);

/** The identity matrix (of a matrix that need not be square). */
export function eye_<T extends Tensor>(tensor: T): T {
  if (tensor.ndim !== 2) throw new ShapeError(`eye_: needs 2 dimensions, got [${tensor.shape.join(', ')}]`);
  const [rows, columns] = tensor.shape;
  const values = new Float32Array(rows * columns);
  for (let i = 0; i < Math.min(rows, columns); i++) values[i * columns + i] = 1;
  return fill(tensor, values);
}

/**
 * A convolution's weight [out, in, kernel…] that hands each input channel on; `groups` times, once per group.
 */
export function dirac_<T extends Tensor>(tensor: T, groups = 1): T {
  if (tensor.ndim < 3 || tensor.ndim > 5 || tensor.shape[0] % groups !== 0) {
    throw new ShapeError(
      `dirac_: needs 3 to 5 dimensions and channels in ${groups} groups, got [${tensor.shape.join(', ')}]`,
    );
  }
  const [out, inputs, ...kernel] = tensor.shape;
  const field = kernel.reduce((a, b) => a * b, 1);
  const middle = kernel.reduce((position, size) => position * size + Math.floor(size / 2), 0);
  const values = new Float32Array(tensor.numel);
  const perGroup = out / groups;
  for (let group = 0; group < groups; group++) {
    for (let i = 0; i < Math.min(perGroup, inputs); i++)
      values[((group * perGroup + i) * inputs + i) * field + middle] = 1;
  }
  return fill(tensor, values);
}
