/** PyTorch's promotion of dtypes, as types; unknown dtypes give unknown dtypes. */
import type { DType } from '../dtype.js';
import type { Shape } from './shape.js';

export type FloatDType = 'float32' | 'float16' | 'float64';
type SignedInteger = 'int32' | 'int8';

/** dtype of a function that makes numbers out of integers (`exp`, `sqrt`, `div`): they become float32. */
export type FloatOf<D extends DType> = D extends FloatDType ? D : 'float32';

/** dtype of a sum or product: bool and the 8-bit integers are summed as int32. */
export type SumOf<D extends DType> = D extends FloatDType | 'uint32' ? D : 'int32';

type PromoteOne<U extends DType> = 'float64' extends U
  ? 'float64'
  : 'float32' extends U
    ? 'float32'
    : 'float16' extends U
      ? 'float16'
      : 'int32' extends U
        ? 'int32'
        : 'uint32' extends U
          ? SignedInteger & U extends never
            ? 'uint32'
            : 'int32'
          : 'int8' extends U
            ? 'uint8' extends U
              ? 'int32'
              : 'int8'
            : 'uint8' extends U
              ? 'uint8'
              : 'bool';

/** `promoteTypes` as a type. */
export type Promote<A extends DType, B extends DType> = DType extends A
  ? DType
  : DType extends B
    ? DType
    : A extends DType
      ? B extends DType
        ? PromoteOne<A | B>
        : never
      : never;

type Category<D extends DType> = D extends FloatDType ? 2 : D extends 'bool' ? 0 : 1;

/**
 * dtype of an op on two tensors. A tensor of rank 0 only decides when its category (bool, integer, float) is higher;
 * with unknown ranks and dtypes of one category either may win.
 */
export type PromoteTensors<SA extends Shape, A extends DType, SB extends Shape, B extends DType> = [
  A,
] extends [B]
  ? [B] extends [A]
    ? A
    : PromoteDifferent<SA, A, SB, B>
  : PromoteDifferent<SA, A, SB, B>;
type PromoteDifferent<SA extends Shape, A extends DType, SB extends Shape, B extends DType> =
  Category<A> extends Category<B>
    ? Category<B> extends Category<A>
      ? number extends SA['length'] | SB['length']
        ? A | B | Promote<A, B>
        : SA extends readonly []
          ? SB extends readonly []
            ? Promote<A, B>
            : B
          : SB extends readonly []
            ? A
            : Promote<A, B>
      : Promote<A, B>
    : Promote<A, B>;

/** dtype of an op on a tensor and a number: a fraction turns integers into float32, an integer turns bool into int32. */
export type PromoteNumber<D extends DType, N extends number> = D extends FloatDType
  ? D
  : number extends N
    ? 'float32' | (D extends 'bool' ? 'int32' : D)
    : `${N}` extends `${bigint}`
      ? D extends 'bool'
        ? 'int32'
        : D
      : 'float32';
