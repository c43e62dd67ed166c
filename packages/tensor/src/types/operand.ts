/** Operands of elementwise ops, as types. */
import type { DType } from '../dtype.js';
import type { Tensor } from '../tensor.js';
import type { PromoteNumber, PromoteTensors } from './dtype.js';
import type { Broadcast, BroadcastCheck, Shape } from './shape.js';

/** The right-hand side of `x.add(…)`. */
export type TensorOrNumber = Tensor | number;

/** Shape of an operand; a number has rank 0. */
export type ShapeOf<O> = O extends { readonly shape: infer S extends Shape } ? S : readonly [];

/** An operand that broadcasts with a tensor of shape `A`. */
export type Fits<A extends Shape, O extends TensorOrNumber> = O &
  (O extends number ? unknown : BroadcastCheck<A, ShapeOf<O>>);

/** dtype of an op on a tensor of shape `A` and dtype `D` with an operand. */
export type DTypeWith<A extends Shape, D extends DType, O extends TensorOrNumber> = O extends number
  ? PromoteNumber<D, O>
  : O extends { readonly shape: infer S extends Shape; readonly dtype: infer E extends DType }
    ? PromoteTensors<A, D, S, E>
    : DType;

/** Result of a promoting op on a tensor and an operand. */
export type Elementwise<A extends Shape, D extends DType, O extends TensorOrNumber> = Tensor<
  Broadcast<A, ShapeOf<O>>,
  DTypeWith<A, D, O>
>;

/** Result of a comparison. */
export type Compared<A extends Shape, O extends TensorOrNumber> = Tensor<Broadcast<A, ShapeOf<O>>, 'bool'>;
