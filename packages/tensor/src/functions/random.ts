/** Random tensors. Same seed and order of calls, same numbers, on every backend. */
import type { DType } from '../dtype.js';
import { cast } from '../ops/cast.js';
import { checkSizes } from '../ops/dims.js';
import { add, mul } from '../ops/math.js';
import * as draw from '../random/draw.js';
import { defaultGenerator, type Generator } from '../random/generator.js';
import { hostPermutation } from '../random/host.js';
import type { Device } from '../runtime/device.js';
import { Tensor } from '../tensor.js';
import type { Shape } from '../types/shape.js';
import { finish, fromBytes, type TensorOptions } from './create.js';

export interface RandomOptions<D extends DType = DType> extends TensorOptions<D> {
  /** Default: the one that `manualSeed` seeds. */
  readonly generator?: Generator;
}

const generatorOf = (options: RandomOptions): Generator => options.generator ?? defaultGenerator;

/** Uniform in [0, 1): multiples of 2^-24. */
export function rand<const S extends Shape, D extends DType = 'float32'>(
  shape: S,
  options: RandomOptions<D> = {},
): Tensor<S, D> {
  checkSizes('rand', shape);
  return finish(draw.unitUniform(generatorOf(options), shape, options.dtype ?? 'float32'), options);
}

/** Standard normal numbers (Box and Muller). */
export function randn<const S extends Shape, D extends DType = 'float32'>(
  shape: S,
  options: RandomOptions<D> = {},
): Tensor<S, D> {
  checkSizes('randn', shape);
  return finish(draw.standardNormal(generatorOf(options), shape, options.dtype ?? 'float32'), options);
}

/** Uniform in [low, high). */
export function uniform<const S extends Shape, D extends DType = 'float32'>(
  low: number,
  high: number,
  shape: S,
  options: RandomOptions<D> = {},
): Tensor<S, D> {
  checkSizes('uniform', shape);
  return finish(draw.uniform(generatorOf(options), shape, low, high, options.dtype ?? 'float32'), options);
}

/** Normal numbers with the given mean and standard deviation. */
export function normal<const S extends Shape, D extends DType = 'float32'>(
  mean: number,
  std: number,
  shape: S,
  options: RandomOptions<D> = {},
): Tensor<S, D> {
  checkSizes('normal', shape);
  const standard = draw.standardNormal(generatorOf(options), shape, options.dtype ?? 'float32');
  return finish(add(mul(standard, std), mean), options);
}

/** Integers in [low, high); int32 by default. */
export function randint<const S extends Shape, D extends DType = 'int32'>(
  low: number,
  high: number,
  shape: S,
  options: RandomOptions<D> = {},
): Tensor<S, D> {
  checkSizes('randint', shape);
  return finish(draw.randint(generatorOf(options), low, high, shape, options.dtype ?? 'int32'), options);
}

/** 0 … n − 1 in random order, shuffled on the host. */
export function randperm<const N extends number>(
  n: N,
  options: Omit<RandomOptions, 'dtype'> = {},
): Tensor<readonly [N], 'int32'> {
  checkSizes('randperm', [n]);
  const order = hostPermutation(generatorOf(options), n);
  return fromBytes(new Uint8Array(order.buffer), [n], 'int32', options) as Tensor as Tensor<
    readonly [N],
    'int32'
  >;
}

/**
 * Zeros and ones. `bernoulli(p, shape)` has ones with probability `p` (float32 by default; dtype 'bool' for a mask);
 * `bernoulli(probabilities)` takes one probability per element and keeps the dtype.
 */
export function bernoulli<S extends Shape, D extends DType>(
  probabilities: Tensor<S, D>,
  options?: Pick<RandomOptions, 'generator'>,
): Tensor<S, D>;
export function bernoulli<const S extends Shape, D extends DType = 'float32'>(
  p: number,
  shape: S,
  options?: RandomOptions<D>,
): Tensor<S, D>;
export function bernoulli(
  p: Tensor | number,
  second: Shape | RandomOptions = {},
  third: RandomOptions = {},
): Tensor {
  if (typeof p !== 'number')
    return Tensor.fromNode(draw.bernoulliFrom(generatorOf(second as RandomOptions), p.node));
  const shape = second as Shape;
  checkSizes('bernoulli', shape);
  const mask = draw.bernoulliMask(generatorOf(third), shape, p);
  return finish(cast(mask, third.dtype ?? 'float32'), third);
}

const like = <D extends DType>(x: Tensor, options: RandomOptions<D>): RandomOptions<D> => ({
  dtype: x.dtype as D,
  device: x.device as Device | null,
  ...options,
});
export const randLike = <S extends Shape, T extends DType, D extends DType = T>(
  x: Tensor<S, T>,
  options: RandomOptions<D> = {},
): Tensor<S, D> => rand(x.shape, like(x, options));
export const randnLike = <S extends Shape, T extends DType, D extends DType = T>(
  x: Tensor<S, T>,
  options: RandomOptions<D> = {},
): Tensor<S, D> => randn(x.shape, like(x, options));
