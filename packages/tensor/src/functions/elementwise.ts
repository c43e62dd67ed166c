/** Elementwise methods as functions: `add(a, b)` is `a.add(b)`. */
import type { DType } from '../dtype.js';
import type { ClampOptions } from '../methods/elementwise.js';
import { operand, wrap } from '../methods/wrap.js';
import * as e from '../ops/elementwise.js';
import type { RoundingMode } from '../ops/math.js';
import type { Tensor } from '../tensor.js';
import type { Fits, TensorOrNumber } from '../types/operand.js';
import type { Shape } from '../types/shape.js';

export const add = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.add<A, T, O>(other);
export const sub = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.sub<A, T, O>(other);
export const mul = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.mul<A, T, O>(other);
export const pow = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.pow<A, T, O>(other);
export const floorDivide = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.floorDivide<A, T, O>(other);
export const remainder = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.remainder<A, T, O>(other);
export const fmod = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.fmod<A, T, O>(other);
export const maximum = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.maximum<A, T, O>(other);
export const minimum = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.minimum<A, T, O>(other);
export const atan2 = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.atan2<A, T, O>(other);
export const eq = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.eq<A, T, O>(other);
export const ne = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.ne<A, T, O>(other);
export const lt = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.lt<A, T, O>(other);
export const le = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.le<A, T, O>(other);
export const gt = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.gt<A, T, O>(other);
export const ge = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.ge<A, T, O>(other);
export const logicalAnd = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.logicalAnd<A, T, O>(other);
export const logicalOr = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.logicalOr<A, T, O>(other);
export const logicalXor = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.logicalXor<A, T, O>(other);
export const bitwiseAnd = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.bitwiseAnd<A, T, O>(other);
export const bitwiseOr = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.bitwiseOr<A, T, O>(other);
export const bitwiseXor = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.bitwiseXor<A, T, O>(other);
export const bitwiseLeftShift = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.bitwiseLeftShift<A, T, O>(other);
export const bitwiseRightShift = <A extends Shape, T extends DType, const O extends TensorOrNumber>(
  x: Tensor<A, T>,
  other: Fits<A, O>,
) => x.bitwiseRightShift<A, T, O>(other);

/** Quotient, rounded when `roundingMode` says so. */
export const div = (
  x: Tensor,
  other: TensorOrNumber,
  options: { roundingMode?: RoundingMode } = {},
): Tensor => x.div(other, { roundingMode: options.roundingMode ?? null });
/** Elements of `x` where the condition holds, else of `other`; both may be numbers. */
export const where = (condition: Tensor<Shape, 'bool'>, x: TensorOrNumber, other: TensorOrNumber): Tensor =>
  wrap(e.where(condition.node, operand('where', x), operand('where', other)));
export const lerp = (start: Tensor, end: Tensor, weight: TensorOrNumber): Tensor => start.lerp(end, weight);
export const clamp = <S extends Shape, D extends DType>(x: Tensor<S, D>, options: ClampOptions) =>
  x.clamp(options);
export const maskedFill = <S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  mask: Tensor<Shape, 'bool'>,
  value: TensorOrNumber,
): Tensor<S, D> => x.maskedFill(mask, value);

export const neg = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.neg();
export const abs = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.abs();
export const sign = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.sign();
export const floor = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.floor();
export const ceil = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.ceil();
export const round = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.round();
export const trunc = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.trunc();
export const frac = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.frac();
export const square = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.square();
export const relu = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.relu();
export const logicalNot = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.logicalNot();
export const bitwiseNot = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.bitwiseNot();
export const exp = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.exp();
export const expm1 = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.expm1();
export const exp2 = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.exp2();
export const log = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.log();
export const log1p = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.log1p();
export const log2 = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.log2();
export const log10 = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.log10();
export const sqrt = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.sqrt();
export const rsqrt = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.rsqrt();
export const reciprocal = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.reciprocal();
export const sin = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.sin();
export const cos = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.cos();
export const tan = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.tan();
export const asin = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.asin();
export const acos = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.acos();
export const atan = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.atan();
export const sinh = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.sinh();
export const cosh = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.cosh();
export const tanh = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.tanh();
export const asinh = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.asinh();
export const acosh = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.acosh();
export const atanh = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.atanh();
export const sigmoid = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.sigmoid();
export const erf = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.erf();
export const erfc = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.erfc();
export const isnan = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.isnan();
export const isinf = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.isinf();
export const isfinite = <S extends Shape, D extends DType>(x: Tensor<S, D>) => x.isfinite();
export const nanToNum = <S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  nan?: number,
  posinf?: number,
  neginf?: number,
): Tensor<S, D> => x.nanToNum(nan, posinf, neginf);
