import {
  autocastOperands,
  type DType,
  isFloat,
  type Shape,
  type Tensor,
  unlisted,
  where,
} from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { constant } from '../like.js';

/**
 * The activations as functions, with PyTorch's values and gradients, at the kinks too. None of them produces
 * NaN in a gradient where its value is finite: a branch that could overflow gets an argument at which it does
 * not.
 *
 * See https://pytorch.org/docs/1.13/nn.functional.html#non-linear-activation-functions.
 */

/** λ and α, to the last digit of a double, of Klambauer et al., "Self-Normalizing Neural Networks" (2017). */
export const SELU_SCALE = 1.0507009873554805;
export const SELU_ALPHA = 1.6732632423543772;

/** An elementwise result has the shape and dtype of its input. */
const like = <S extends Shape, D extends DType>(result: Tensor, _input: Tensor<S, D>): Tensor<S, D> =>
  result as Tensor<S, D>;

/** x. */
export function identity<S extends Shape, D extends DType>(input: Tensor<S, D>): Tensor<S, D> {
  return input;
}

/** 1 / (1 + e⁻ˣ). */
export function sigmoid<S extends Shape, D extends DType>(input: Tensor<S, D>): Tensor<S, D> {
  return like(input.sigmoid(), input);
}

/** The hyperbolic tangent. */
export function tanh<S extends Shape, D extends DType>(input: Tensor<S, D>): Tensor<S, D> {
  return like(input.tanh(), input);
}

/** max(0, x); the gradient at 0 is 0. */
export function relu<S extends Shape, D extends DType>(input: Tensor<S, D>): Tensor<S, D> {
  return like(input.relu(), input);
}

export interface HardtanhOptions {
  minVal?: number;
  maxVal?: number;
}

/** x limited to [minVal, maxVal] = [−1, 1]; unlike `clamp`'s, the gradient at the limits is 0. */
export function hardtanh<S extends Shape, D extends DType>(
  input: Tensor<S, D>,
  ...rest: Arguments<HardtanhOptions, ['minVal', 'maxVal']>
): Tensor<S, D> {
  const { minVal = -1, maxVal = 1 } = readArguments<HardtanhOptions>(
    'hardtanh',
    ['minVal', 'maxVal'],
    [],
    rest,
  );
  const x: Tensor = input;
  // PyTorch converts the limits to the input's dtype: for integers it cuts them.
  const [low, high] = [minVal, maxVal].map((limit) =>
    constant(x, isFloat(x.dtype) ? limit : Math.trunc(limit)),
  );
  return like(where(x.le(low), low, where(x.ge(high), high, x)), input);
}

/** min(max(0, x), 6). */
export function relu6<S extends Shape, D extends DType>(input: Tensor<S, D>): Tensor<S, D> {
  return hardtanh(input, 0, 6);
}

export interface LeakyReluOptions {
  negativeSlope?: number;
}

/** x for x > 0, negativeSlope·x otherwise (0.01 by default). */
export function leakyRelu<S extends Shape, D extends DType>(
  input: Tensor<S, D>,
  ...rest: Arguments<LeakyReluOptions, ['negativeSlope']>
): Tensor<S, D> {
  const { negativeSlope = 0.01 } = readArguments<LeakyReluOptions>('leakyRelu', ['negativeSlope'], [], rest);
  const x: Tensor = input;
  return like(where(x.gt(0), x, x.mul(constant(x, negativeSlope))), input);
}

/**
 * x for x > 0, weight·x otherwise; `weight` has one element, or one per channel (dimension 1 of the input).
 */
export function prelu<S extends Shape, D extends DType>(input: Tensor<S, D>, weight: Tensor): Tensor<S, D> {
  const [x, w]: [Tensor, Tensor] = autocastOperands('float16', input, weight);
  const slope = w.numel === 1 ? w.reshape([]) : w.reshape([-1, ...Array(Math.max(0, x.ndim - 2)).fill(1)]);
  const isPositive = x.gt(0);
  // An infinite x > 0 must not get to the weight's gradient, where 0 · ∞ is NaN.
  return like(where(isPositive, x, where(isPositive, 0, x).mul(slope)), input);
}

export interface EluOptions {
  alpha?: number;
}

/** x for x > 0, α(eˣ − 1) otherwise. */
export function elu<S extends Shape, D extends DType>(
  input: Tensor<S, D>,
  ...rest: Arguments<EluOptions, ['alpha']>
): Tensor<S, D> {
  const { alpha = 1 } = readArguments<EluOptions>('elu', ['alpha'], [], rest);
  return like(exponentialUnit(input, 1, alpha, 1), input);
}

/** λ·x for x > 0, λα(eˣ − 1) otherwise, with {@link SELU_SCALE} and {@link SELU_ALPHA}. */
export function selu<S extends Shape, D extends DType>(input: Tensor<S, D>): Tensor<S, D> {
  return like(exponentialUnit(input, SELU_SCALE, SELU_SCALE * SELU_ALPHA, 1), input);
}

/** x for x > 0, α(e^(x/α) − 1) otherwise. */
export function celu<S extends Shape, D extends DType>(
  input: Tensor<S, D>,
  ...rest: Arguments<EluOptions, ['alpha']>
): Tensor<S, D> {
  const { alpha = 1 } = readArguments<EluOptions>('celu', ['alpha'], [], rest);
  return like(exponentialUnit(input, 1, alpha, 1 / alpha), input);
}

/**
 * positive·x for x > 0, negative·(e^(rate·x) − 1) otherwise. The exponential never sees a positive x, which
 * might overflow.
 */
function exponentialUnit(x: Tensor, positive: number, negative: number, rate: number): Tensor {
  const isPositive = x.gt(0);
  const linear = where(isPositive, x.mul(constant(x, positive)), 0);
  const bent = where(isPositive, 0, x).mul(constant(x, rate));
  return linear.add(unlisted(() => bent.expm1()).mul(constant(x, negative)));
}

export interface GeluOptions {
  approximate?: 'none' | 'tanh';
}

/**
 * x·Φ(x) with the normal distribution's Φ by erf, or with `approximate: 'tanh'` by (1 + tanh u) / 2 for a cubic u. The latter is written
 * as σ(2u), the same without cancellation where Φ is small.
 */
export function gelu<S extends Shape, D extends DType>(
  input: Tensor<S, D>,
  ...rest: Arguments<GeluOptions, ['approximate']>
): Tensor<S, D> {
  const { approximate = 'none' } = readArguments<GeluOptions>('gelu', ['approximate'], [], rest);
  const x: Tensor = input;
  if (approximate === 'none')
    return like(x.mul(0.5).mul(x.mul(constant(x, Math.SQRT1_2)).erf().add(1)), input);
  const cubic = x.add(x.mul(x).mul(x).mul(constant(x, 0.044715)));
  return like(x.mul(cubic.mul(constant(x, 2 * Math.sqrt(2 / Math.PI))).sigmoid()), input);
}

/** x·σ(x). */
export function silu<S extends Shape, D extends DType>(input: Tensor<S, D>): Tensor<S, D> {
  const x: Tensor = input;
  return like(x.mul(x.sigmoid()), input);
}

export interface SoftplusOptions {
  beta?: number;
  /** Above beta·x = threshold the function is x itself. */
  threshold?: number;
}

/** log(1 + e^(βx)) / β. */
export function softplus<S extends Shape, D extends DType>(
  input: Tensor<S, D>,
  ...rest: Arguments<SoftplusOptions, ['beta', 'threshold']>
): Tensor<S, D> {
  const { beta = 1, threshold = 20 } = readArguments<SoftplusOptions>(
    'softplus',
    ['beta', 'threshold'],
    [],
    rest,
  );
  const [x]: [Tensor] = autocastOperands('float32', input);
  const scaled = x.mul(constant(x, beta));
  const isLinear = scaled.gt(constant(x, threshold));
  return like(where(isLinear, x, where(isLinear, 0, scaled).exp().log1p().div(constant(x, beta))), input);
}

/** log σ(x) = min(x, 0) − log(1 + e^−|x|). */
export function logsigmoid<S extends Shape, D extends DType>(input: Tensor<S, D>): Tensor<S, D> {
  const x: Tensor = input;
  // |x| and min(x, 0) by `where`, whose gradients at 0 add up to the true ½; abs' and minimum's do not.
  const isNegative = x.lt(0);
  const magnitude = where(isNegative, x.neg(), x);
  return like(where(isNegative, x, 0).sub(unlisted(() => magnitude.neg().exp().log1p())), input);
}

/** x·tanh(softplus(x)). */
export function mish<S extends Shape, D extends DType>(input: Tensor<S, D>): Tensor<S, D> {
  const x: Tensor = input;
  return like(x.mul(unlisted(() => softplus(x)).tanh()), input);
}

/** x / (1 + |x|). */
export function softsign<S extends Shape, D extends DType>(input: Tensor<S, D>): Tensor<S, D> {
  const x: Tensor = input;
  return like(x.div(x.abs().add(1)), input);
}

/** relu6(x + 3) / 6. */
export function hardsigmoid<S extends Shape, D extends DType>(input: Tensor<S, D>): Tensor<S, D> {
  const x: Tensor = input;
  return like(relu6(x.add(constant(x, 3))).div(constant(x, 6)), input);
}

/** 0 for x < −3, x(x + 3)/6 up to 3, x above. */
export function hardswish<S extends Shape, D extends DType>(input: Tensor<S, D>): Tensor<S, D> {
  const x: Tensor = input;
  const three = constant(x, 3);
  return like(
    where(x.lt(constant(x, -3)), 0, where(x.le(three), x.mul(x.add(three)).div(constant(x, 6)), x)),
    input,
  );
}

/** x for x > threshold, `value` otherwise. */
export function threshold<S extends Shape, D extends DType>(
  input: Tensor<S, D>,
  thresholdValue: number,
  value: number,
): Tensor<S, D> {
  const x: Tensor = input;
  return like(where(x.gt(thresholdValue), x, value), input);
}

/** x − tanh(x). */
export function tanhshrink<S extends Shape, D extends DType>(input: Tensor<S, D>): Tensor<S, D> {
  const x: Tensor = input;
  return like(x.sub(x.tanh()), input);
}

export interface ShrinkOptions {
  lambd?: number;
}

/** x − λ above λ, x + λ below −λ, 0 between. */
export function softshrink<S extends Shape, D extends DType>(
  input: Tensor<S, D>,
  ...rest: Arguments<ShrinkOptions, ['lambd']>
): Tensor<S, D> {
  const { lambd = 0.5 } = readArguments<ShrinkOptions>('softshrink', ['lambd'], [], rest);
  const x: Tensor = input;
  return like(where(x.gt(lambd), x.sub(lambd), where(x.lt(-lambd), x.add(lambd), 0)), input);
}

/** x outside [−λ, λ], 0 inside. */
export function hardshrink<S extends Shape, D extends DType>(
  input: Tensor<S, D>,
  ...rest: Arguments<ShrinkOptions, ['lambd']>
): Tensor<S, D> {
  const { lambd = 0.5 } = readArguments<ShrinkOptions>('hardshrink', ['lambd'], [], rest);
  const x: Tensor = input;
  return like(where(x.ge(-lambd).logicalAnd(x.le(lambd)), 0, x), input);
}
