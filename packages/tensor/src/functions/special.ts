/** Elementwise functions that are written with others: rarer names of PyTorch. */
import { type DType, isFloat } from '../dtype.js';
import { sameShape } from '../ops/dims.js';
import type { Tensor } from '../tensor.js';
import type { TensorOrNumber } from '../types/operand.js';
import type { Shape } from '../types/shape.js';
import { autocastOperands } from './autocast.js';
import { zerosLike } from './create.js';
import { where } from './elementwise.js';

export const positive = <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> => x.clone();
export const clone = <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> => x.clone();
export const trueDivide = (x: Tensor, other: TensorOrNumber): Tensor => x.div(other);
export const clampMin = <S extends Shape, D extends DType>(x: Tensor<S, D>, min: TensorOrNumber) =>
  x.clamp({ min });
export const clampMax = <S extends Shape, D extends DType>(x: Tensor<S, D>, max: TensorOrNumber) =>
  x.clamp({ max });
/** other − alpha · x. */
export const rsub = (x: Tensor, other: TensorOrNumber, options: { alpha?: number } = {}): Tensor =>
  x.mul(-(options.alpha ?? 1)).add(other);

export const deg2rad = (x: Tensor): Tensor => x.mul(Math.PI / 180);
export const rad2deg = (x: Tensor): Tensor => x.mul(180 / Math.PI);
export const sgn = <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> => x.sign();

/** x + value · a · b. */
export const addcmul = (x: Tensor, a: Tensor, b: Tensor, options: { value?: number } = {}): Tensor =>
  x.add(a.mul(b), { alpha: options.value });
/** x + value · a / b. */
export const addcdiv = (x: Tensor, a: Tensor, b: Tensor, options: { value?: number } = {}): Tensor =>
  x.add(a.div(b), { alpha: options.value });

/** Whether the sign bit is set: also of −0. */
export function signbit(x: Tensor): Tensor<Shape, 'bool'> {
  const negative = x.lt(0);
  return isFloat(x.dtype) ? negative.logicalOr(x.eq(0).logicalAnd(x.reciprocal().lt(0))) : negative;
}

/** |x| with the sign of `other`. */
export function copysign(x: Tensor, other: Tensor | number): Tensor {
  const size = (isFloat(x.dtype) ? x : x.float()).abs();
  const negative = typeof other === 'number' ? zerosLike(x).add(other) : other;
  const signed = where(signbit(negative), size.neg(), size);
  // `other` has a gradient, which is 0: it takes part without ever being chosen.
  return negative.requiresGrad ? where(zerosLike(signed, { dtype: 'bool' }), negative, signed) : signed;
}

/** Greater of two; a NaN loses against a number. */
export const fmax = (x: Tensor, other: Tensor): Tensor =>
  where(x.isnan(), other, where(other.isnan(), x, x.maximum(other)));
/** Lesser of two; a NaN loses against a number. */
export const fmin = (x: Tensor, other: Tensor): Tensor =>
  where(x.isnan(), other, where(other.isnan(), x, x.minimum(other)));

/** 0 below 0, `values` at 0, 1 above. */
export const heaviside = (x: Tensor, values: Tensor): Tensor => where(x.eq(0), values, x.gt(0).to(x.dtype));

/** √(x² + y²). */
export const hypot = (x: Tensor, y: Tensor): Tensor => x.mul(x).add(y.mul(y)).sqrt();

/** x · log(y), 0 where x is 0 and y is not NaN. */
export function xlogy(x: TensorOrNumber, y: TensorOrNumber): Tensor {
  const product = typeof y === 'number' ? (x as Tensor).mul(Math.log(y)) : y.log().mul(x);
  const zero = typeof x === 'number' ? product.isnan().logicalAnd(x === 0 ? 1 : 0) : x.eq(0);
  const valid =
    typeof y === 'number'
      ? zero.logicalAnd(Number.isNaN(y) ? 0 : 1)
      : zero.logicalAnd(y.isnan().logicalNot());
  return where(valid, 0, product);
}

/** sin(πx) / (πx), 1 at 0. */
export function sinc(x: Tensor): Tensor {
  const zero = x.eq(0);
  const angle = where(zero, 1, x).mul(Math.PI);
  return where(zero, 1, angle.sin().div(angle));
}

/** log(x / (1 − x)); with `eps`, x is first limited to [eps, 1 − eps]. */
export function logit(x: Tensor, eps?: number | null): Tensor {
  const numbers = isFloat(x.dtype) ? x : x.float();
  const p = typeof eps === 'number' ? numbers.clamp(eps, 1 - eps) : numbers;
  return p.div(p.neg().add(1)).log();
}

/** x · 2^exponent. */
export const ldexp = (x: Tensor, exponent: Tensor): Tensor => x.mul(exponent.exp2());

/** Power in float64. */
export const floatPower = (x: Tensor | number, exponent: TensorOrNumber): Tensor => {
  const e = typeof exponent === 'number' ? exponent : exponent.double();
  return typeof x === 'number'
    ? zerosLike(e as Tensor)
        .add(x)
        .pow(e)
    : x.double().pow(e);
};

/** |x − y| ≤ atol + rtol · |y|, by element; infinities equal themselves. */
export function isclose(
  x: Tensor,
  y: Tensor,
  options: { rtol?: number; atol?: number; equalNan?: boolean } = {},
): Tensor<Shape, 'bool'> {
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options;
  if (x.dtype === 'bool' && y.dtype === 'bool') return isclose(x.int(), y.int(), options);
  const difference = x.sub(y).abs();
  const close = difference.isfinite().logicalAnd(difference.le(y.abs().mul(rtol).add(atol)));
  const equal = x.eq(y).logicalOr(close);
  return equalNan ? equal.logicalOr(x.isnan().logicalAnd(y.isnan())) : equal;
}

export const isposinf = (x: Tensor): Tensor<Shape, 'bool'> => x.isinf().logicalAnd(x.gt(0));
export const isneginf = (x: Tensor): Tensor<Shape, 'bool'> => x.isinf().logicalAnd(x.lt(0));

/** Norm of x − y. */
export const dist = (x: Tensor, y: Tensor, p = 2): Tensor => {
  const [a, b] = autocastOperands('float32', x, y);
  return a.sub(b).norm(p);
};

/** Whether each element of `x` occurs in `values`. */
export function isin(
  x: Tensor | number,
  values: Tensor | number,
  options: { invert?: boolean } = {},
): Tensor<Shape, 'bool'> {
  const list = typeof values === 'number' ? null : values.reshape(-1);
  const found =
    typeof x === 'number'
      ? list!.eq(x).any()
      : list
        ? x.unsqueeze(-1).eq(list).any(-1)
        : x.eq(values as number);
  return options.invert ? found.logicalNot() : found;
}

/** Position at which each element would be put into sorted `boundaries`: int32; `right` puts equal ones behind. */
export function bucketize(
  x: Tensor,
  boundaries: Tensor,
  options: { right?: boolean } = {},
): Tensor<Shape, 'int32'> {
  const wide = x.unsqueeze(-1);
  const before = options.right ? boundaries.le(wide) : boundaries.lt(wide);
  return before.sum(-1) as Tensor as Tensor<Shape, 'int32'>;
}

/**
 * Whether two tensors have one shape and equal elements (NaN equals nothing). Reads values, hence a promise.
 * https://pytorch.org/docs/1.13/generated/torch.equal.html
 */
export async function equal(x: Tensor, y: Tensor): Promise<boolean> {
  if (!sameShape(x.shape, y.shape)) return false;
  return (await x.eq(y).all().item()) === 1;
}
