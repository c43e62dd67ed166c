/** Elementwise methods: arithmetic, comparison, logic, functions. See `ops/elementwise.ts`, `ops/math.ts`, `ops/logic.ts`. */
import type { DType } from '../dtype.js';
import { raised } from '../ops/autocast.js';
import { cast } from '../ops/cast.js';
import * as e from '../ops/elementwise.js';
import * as logic from '../ops/logic.js';
import * as m from '../ops/math.js';
import type { Tensor } from '../tensor.js';
import type { FloatDType, FloatOf } from '../types/dtype.js';
import type { Compared, DTypeWith, Elementwise, Fits, ShapeOf, TensorOrNumber } from '../types/operand.js';
import type { Broadcast, Shape } from '../types/shape.js';
import { TensorCore } from './core.js';
import { nodeOf, operand, wrap } from './wrap.js';

/** Option of `add` and `sub`: a factor of the other operand. */
export interface AlphaOption {
  readonly alpha?: number;
}

/** Lower and upper limit of `clamp`. */
export interface ClampOptions {
  readonly min?: TensorOrNumber | null;
  readonly max?: TensorOrNumber | null;
}

/** Limits of another dtype promote an integer tensor. */
type Clamped<D extends DType> = D extends FloatDType ? D : DType;

const raisedOperand = (x: e.Operand): e.Operand => (typeof x === 'number' ? x : raised(x));
const optional = (x: TensorOrNumber | null | undefined) =>
  x === undefined || x === null ? null : operand('clamp', x);

export abstract class ElementwiseMethods<S extends Shape, D extends DType> extends TensorCore<S, D> {
  // Arithmetic. The other operand is a tensor or a number; shapes broadcast and dtypes promote as in PyTorch.
  /** Sum; `alpha` multiplies the other operand first. */
  add<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
    options: AlphaOption = {},
  ): Elementwise<A, T, O> {
    return wrap(m.add(this.node, m.scaledOperand(operand('add', other), options.alpha)));
  }
  /** Difference; `alpha` multiplies the other operand first. */
  sub<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
    options: AlphaOption = {},
  ): Elementwise<A, T, O> {
    return wrap(m.sub(this.node, m.scaledOperand(operand('sub', other), options.alpha)));
  }
  mul<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Elementwise<A, T, O> {
    return wrap(m.mul(this.node, operand('mul', other)));
  }
  /** Quotient. True division makes integers float32; `roundingMode` 'trunc' or 'floor' rounds and keeps them. */
  div<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Tensor<Broadcast<A, ShapeOf<O>>, FloatOf<DTypeWith<A, T, O>>>;
  div<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
    options: { roundingMode: m.RoundingMode },
  ): Elementwise<A, T, O>;
  div(this: Tensor, other: TensorOrNumber, options: { roundingMode?: m.RoundingMode } = {}): Tensor {
    return wrap(m.div(this.node, operand('div', other), options.roundingMode));
  }
  floorDivide<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Elementwise<A, T, O> {
    return wrap(m.div(this.node, operand('floorDivide', other), 'floor', 'floorDivide'));
  }
  /** Power; the small exponents 2, 3, ½ and their like are products and roots. */
  pow<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Elementwise<A, T, O> {
    return wrap(m.pow(raised(this.node), raisedOperand(operand('pow', other))));
  }
  /** Remainder with the sign of the divisor (Python). */
  remainder<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Elementwise<A, T, O> {
    return wrap(m.remainder(this.node, operand('remainder', other)));
  }
  /** Remainder with the sign of the dividend (C). */
  fmod<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Elementwise<A, T, O> {
    return wrap(m.fmod(this.node, operand('fmod', other)));
  }
  maximum<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Elementwise<A, T, O> {
    return wrap(m.maximum(this.node, operand('maximum', other)));
  }
  minimum<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Elementwise<A, T, O> {
    return wrap(m.minimum(this.node, operand('minimum', other)));
  }
  /** Angle of the point (other, this). */
  atan2<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Tensor<Broadcast<A, ShapeOf<O>>, FloatOf<DTypeWith<A, T, O>>> {
    return wrap(m.atan2(this.node, operand('atan2', other)));
  }
  /** this + weight · (end − this). */
  lerp(end: Tensor, weight: TensorOrNumber): Tensor<Shape, D> {
    return wrap(m.lerp(this.node, nodeOf('lerp', end), operand('lerp', weight)));
  }
  /** Limits values to [min, max]; the gradient passes inside and at the limits. */
  clamp(min?: TensorOrNumber | null, max?: TensorOrNumber | null): Tensor<S, Clamped<D>>;
  clamp(options: ClampOptions): Tensor<S, Clamped<D>>;
  clamp(first?: TensorOrNumber | ClampOptions | null, second?: TensorOrNumber | null): Tensor<S, Clamped<D>> {
    const isOptions = typeof first === 'object' && first !== null && !('node' in first);
    const { min, max } = isOptions ? first : { min: first, max: second };
    return wrap(m.clamp(this.node, optional(min), optional(max)));
  }

  // Comparison

  eq<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Compared<A, O> {
    return wrap(e.eq(this.node, operand('eq', other)));
  }
  ne<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Compared<A, O> {
    return wrap(e.ne(this.node, operand('ne', other)));
  }
  lt<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Compared<A, O> {
    return wrap(e.lt(this.node, operand('lt', other)));
  }
  le<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Compared<A, O> {
    return wrap(e.le(this.node, operand('le', other)));
  }
  gt<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Compared<A, O> {
    return wrap(e.gt(this.node, operand('gt', other)));
  }
  ge<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Compared<A, O> {
    return wrap(e.ge(this.node, operand('ge', other)));
  }

  // Logic and bits
  logicalAnd<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Compared<A, O> {
    return wrap(logic.logicalAnd(this.node, operand('logicalAnd', other)));
  }
  logicalOr<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Compared<A, O> {
    return wrap(logic.logicalOr(this.node, operand('logicalOr', other)));
  }
  logicalXor<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Compared<A, O> {
    return wrap(logic.logicalXor(this.node, operand('logicalXor', other)));
  }
  logicalNot(): Tensor<S, 'bool'> {
    return wrap(logic.logicalNot(this.node));
  }
  bitwiseAnd<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Elementwise<A, T, O> {
    return wrap(logic.bitwise('and', this.node, operand('bitwiseAnd', other), 'bitwiseAnd'));
  }
  bitwiseOr<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Elementwise<A, T, O> {
    return wrap(logic.bitwise('or', this.node, operand('bitwiseOr', other), 'bitwiseOr'));
  }
  bitwiseXor<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Elementwise<A, T, O> {
    return wrap(logic.bitwise('xor', this.node, operand('bitwiseXor', other), 'bitwiseXor'));
  }
  bitwiseLeftShift<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Elementwise<A, T, O> {
    return wrap(logic.bitwise('shl', this.node, operand('bitwiseLeftShift', other), 'bitwiseLeftShift'));
  }
  bitwiseRightShift<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    other: Fits<A, O>,
  ): Elementwise<A, T, O> {
    return wrap(logic.bitwise('shr', this.node, operand('bitwiseRightShift', other), 'bitwiseRightShift'));
  }
  bitwiseNot(): Tensor<S, D> {
    return wrap(logic.bitwiseNot(this.node));
  }
  /** This where the condition holds, else `other`. */
  where<A extends Shape, T extends DType, const O extends TensorOrNumber>(
    this: Tensor<A, T>,
    condition: Tensor<Shape, 'bool'>,
    other: Fits<A, O>,
  ): Tensor<Shape, DTypeWith<A, T, O>> {
    return wrap(e.where(nodeOf('where', condition), this.node, operand('where', other)));
  }
  /** `value` where the mask holds, else this; keeps the dtype. */
  maskedFill(mask: Tensor<Shape, 'bool'>, value: TensorOrNumber | boolean): Tensor<S, D> {
    return wrap(
      cast(e.where(nodeOf('maskedFill', mask), operand('maskedFill', value), this.node), this.node.dtype),
    );
  }

  // Functions that keep the dtype
  neg(): Tensor<S, D> {
    return wrap(e.unary('neg', this.node));
  }
  abs(): Tensor<S, D> {
    return wrap(e.unary('abs', this.node));
  }
  sign(): Tensor<S, D> {
    return wrap(m.sign(this.node));
  }
  floor(): Tensor<S, D> {
    return wrap(e.unary('floor', this.node));
  }
  ceil(): Tensor<S, D> {
    return wrap(e.unary('ceil', this.node));
  }
  /** Nearest integer, halves to even. */
  round(): Tensor<S, D> {
    return wrap(e.unary('round', this.node));
  }
  trunc(): Tensor<S, D> {
    return wrap(e.unary('trunc', this.node));
  }
  frac(): Tensor<S, D> {
    return wrap(m.frac(this.node));
  }
  square(): Tensor<S, D> {
    return wrap(m.square(this.node));
  }
  /** max(this, 0) with gradient 0 at 0. */
  relu(): Tensor<S, D> {
    return wrap(e.unary('relu', this.node));
  }
  /** Replaces NaN and infinities, these by default with the largest finite numbers. */
  nanToNum(nan = 0, posinf?: number, neginf?: number): Tensor<S, D> {
    return wrap(m.nanToNum(this.node, nan, posinf, neginf));
  }

  // Functions that make integers float32
  exp(): Tensor<S, FloatOf<D>> {
    return wrap(e.unary('exp', raised(this.node)));
  }
  expm1(): Tensor<S, FloatOf<D>> {
    return wrap(e.unary('expm1', raised(this.node)));
  }
  log(): Tensor<S, FloatOf<D>> {
    return wrap(e.unary('log', raised(this.node)));
  }
  log1p(): Tensor<S, FloatOf<D>> {
    return wrap(e.unary('log1p', raised(this.node)));
  }
  sqrt(): Tensor<S, FloatOf<D>> {
    return wrap(e.unary('sqrt', this.node));
  }
  reciprocal(): Tensor<S, FloatOf<D>> {
    return wrap(e.unary('reciprocal', raised(this.node)));
  }
  sin(): Tensor<S, FloatOf<D>> {
    return wrap(e.unary('sin', this.node));
  }
  cos(): Tensor<S, FloatOf<D>> {
    return wrap(e.unary('cos', this.node));
  }
  atan(): Tensor<S, FloatOf<D>> {
    return wrap(e.unary('atan', this.node));
  }
  tanh(): Tensor<S, FloatOf<D>> {
    return wrap(e.unary('tanh', this.node));
  }
  sigmoid(): Tensor<S, FloatOf<D>> {
    return wrap(e.unary('sigmoid', this.node));
  }
  erf(): Tensor<S, FloatOf<D>> {
    return wrap(e.unary('erf', this.node));
  }
  exp2(): Tensor<S, FloatOf<D>> {
    return wrap(m.exp2(this.node));
  }
  log2(): Tensor<S, FloatOf<D>> {
    return wrap(m.log2(raised(this.node)));
  }
  log10(): Tensor<S, FloatOf<D>> {
    return wrap(m.log10(raised(this.node)));
  }
  rsqrt(): Tensor<S, FloatOf<D>> {
    return wrap(m.rsqrt(raised(this.node)));
  }
  tan(): Tensor<S, FloatOf<D>> {
    return wrap(m.tan(raised(this.node)));
  }
  asin(): Tensor<S, FloatOf<D>> {
    return wrap(m.asin(raised(this.node)));
  }
  acos(): Tensor<S, FloatOf<D>> {
    return wrap(m.acos(raised(this.node)));
  }
  sinh(): Tensor<S, FloatOf<D>> {
    return wrap(m.sinh(raised(this.node)));
  }
  cosh(): Tensor<S, FloatOf<D>> {
    return wrap(m.cosh(raised(this.node)));
  }
  asinh(): Tensor<S, FloatOf<D>> {
    return wrap(m.asinh(this.node));
  }
  acosh(): Tensor<S, FloatOf<D>> {
    return wrap(m.acosh(this.node));
  }
  atanh(): Tensor<S, FloatOf<D>> {
    return wrap(m.atanh(this.node));
  }
  erfc(): Tensor<S, FloatOf<D>> {
    return wrap(m.erfc(this.node));
  }

  // Tests
  isnan(): Tensor<S, 'bool'> {
    return wrap(m.isnan(this.node));
  }
  isinf(): Tensor<S, 'bool'> {
    return wrap(m.isinf(this.node));
  }
  isfinite(): Tensor<S, 'bool'> {
    return wrap(m.isfinite(this.node));
  }
}
