/** Methods that move elements without changing them. See `ops/movement.ts`, `ops/join.ts`. */
import type { DType } from '../dtype.js';
import { narrowAt } from '../ops/indexing.js';
import * as join from '../ops/join.js';
import * as mv from '../ops/movement.js';
import type { Tensor } from '../tensor.js';
import type {
  FlattenFrom,
  Insert,
  Permute,
  Reduce,
  Replace,
  Requested,
  Reverse,
  SizesOf,
  Squeeze,
  Transpose,
} from '../types/dims.js';
import type { Shape } from '../types/shape.js';
import { ReductionMethods } from './reduction.js';
import { operand, wrap } from './wrap.js';

type Sizes = readonly (number | Shape)[];
/** `(2, 3)` and `([2, 3])` alike. */
const sizesOf = (sizes: Sizes): Shape => sizes.flat();

export abstract class MovementMethods<S extends Shape, D extends DType> extends ReductionMethods<S, D> {
  /** The same elements, row by row, under another shape; one size may be −1. */
  reshape<const R extends Sizes>(...sizes: R): Tensor<Requested<SizesOf<R>>, D> {
    return wrap(mv.reshape(this.node, sizesOf(sizes)));
  }
  /** As `reshape`; tensors have no strides, so every view is possible. */
  view<const R extends Sizes>(...sizes: R): Tensor<Requested<SizesOf<R>>, D> {
    return wrap(mv.reshape(this.node, sizesOf(sizes)));
  }
  viewAs<R extends Shape>(other: Tensor<R>): Tensor<R, D> {
    return wrap(mv.reshape(this.node, other.shape));
  }
  reshapeAs<R extends Shape>(other: Tensor<R>): Tensor<R, D> {
    return wrap(mv.reshape(this.node, other.shape));
  }
  /** Joins the dimensions from `start` to `end`, inclusive. */
  flatten<A extends Shape, T extends DType, const N extends number = 0>(
    this: Tensor<A, T>,
    start?: N,
  ): Tensor<FlattenFrom<A, N>, T>;
  flatten(start: number, end: number): Tensor<Shape, D>;
  flatten(start?: number, end?: number): Tensor {
    return wrap(mv.flatten(this.node, start, end));
  }
  unflatten(dim: number, sizes: Shape): Tensor<Shape, D> {
    return wrap(mv.unflatten(this.node, dim, sizes));
  }
  /** Without dimensions of size 1, or without those named that have size 1. */
  squeeze<A extends Shape, T extends DType, const N extends number | undefined = undefined>(
    this: Tensor<A, T>,
    dim?: N,
  ): Tensor<Squeeze<A, N>, T>;
  squeeze(dim: readonly number[]): Tensor<Shape, D>;
  squeeze(dim?: number | readonly number[]): Tensor {
    return wrap(mv.squeeze(this.node, dim));
  }
  /** With a dimension of size 1 put in at `dim`. */
  unsqueeze<A extends Shape, T extends DType, const N extends number>(
    this: Tensor<A, T>,
    dim: N,
  ): Tensor<Insert<A, N>, T> {
    return wrap(mv.unsqueeze(this.node, dim));
  }
  /** Dimension i of the result is dimension `dims[i]`. */
  permute<A extends Shape, T extends DType, const P extends Sizes>(
    this: Tensor<A, T>,
    ...dims: P
  ): Tensor<Permute<A, SizesOf<P>>, T> {
    return wrap(mv.permute(this.node, sizesOf(dims)));
  }
  transpose<A extends Shape, T extends DType, const I extends number, const J extends number>(
    this: Tensor<A, T>,
    a: I,
    b: J,
  ): Tensor<Transpose<A, I, J>, T> {
    return wrap(mv.transpose(this.node, a, b));
  }
  /** Dimensions in reverse order. */
  get T(): Tensor<Reverse<S>, D> {
    return wrap(
      mv.permute(
        this.node,
        this.node.shape.map((_, d) => this.node.shape.length - 1 - d),
      ),
    );
  }
  /** The last two dimensions exchanged; of rank 0 the tensor itself. */
  get mT(): Tensor<Transpose<S, -2, -1>, D> {
    return wrap(this.ndim === 0 ? this.node : mv.transpose(this.node, -2, -1));
  }
  movedim(source: number | readonly number[], destination: number | readonly number[]): Tensor<Shape, D> {
    return wrap(mv.movedim(this.node, source, destination));
  }
  /** Repeats dimensions of size 1; −1 keeps a size. */
  expand<const R extends Sizes>(...sizes: R): Tensor<Requested<SizesOf<R>>, D> {
    return wrap(mv.expand(this.node, sizesOf(sizes)));
  }
  expandAs<R extends Shape>(other: Tensor<R>): Tensor<R, D> {
    return wrap(mv.expand(this.node, other.shape));
  }
  broadcastTo<const R extends Shape>(shape: R): Tensor<R, D> {
    return wrap(mv.expand(this.node, shape));
  }
  /** `length` elements of `dim` from `start` on; a `start` that is a tensor of rank 0 is computed with the rest. */
  narrow<A extends Shape, T extends DType, const N extends number, const L extends number>(
    this: Tensor<A, T>,
    dim: N,
    start: number | Tensor,
    length: L,
  ): Tensor<Replace<A, N, L>, T> {
    const from = operand('narrow', start);
    return wrap(
      typeof from === 'number'
        ? mv.narrow(this.node, dim, from, length)
        : narrowAt(this.node, dim, from, length),
    );
  }
  /** Python's `[start:end:step]` along `dim`. */
  slice<A extends Shape, T extends DType, const N extends number>(
    this: Tensor<A, T>,
    dim: N,
    start?: number | null,
    end?: number | null,
    step = 1,
  ): Tensor<Replace<A, N, number>, T> {
    return wrap(mv.slice(this.node, dim, start, end, step));
  }
  /** Element `index` of `dim`, which disappears. */
  select<A extends Shape, T extends DType, const N extends number>(
    this: Tensor<A, T>,
    dim: N,
    index: number,
  ): Tensor<Reduce<A, N, false>, T> {
    return wrap(mv.select(this.node, dim, index));
  }
  /** Order reversed along `dims`. */
  flip(...dims: Sizes): Tensor<S, D> {
    return wrap(mv.flip(this.node, sizesOf(dims)));
  }
  /** Constant padding, [low, high] for each dimension; negative amounts crop. */
  pad(padding: readonly (readonly [number, number])[], value = 0): Tensor<Shape, D> {
    return wrap(mv.pad(this.node, padding, value));
  }
  roll(shifts: number | readonly number[], dims?: number | readonly number[]): Tensor<S, D> {
    return wrap(join.roll(this.node, shifts, dims));
  }
  /** The whole tensor repeated along each dimension; missing dimensions are put in front. */
  repeat(...counts: Sizes): Tensor<Shape, D> {
    return wrap(join.repeat(this.node, sizesOf(counts)));
  }
  tile(...counts: Sizes): Tensor<Shape, D> {
    return wrap(join.tile(this.node, sizesOf(counts)));
  }
  /** Each element repeated along `dim`, or of the flattened tensor. */
  repeatInterleave(count: number, dim?: number): Tensor<Shape, D> {
    return wrap(join.repeatInterleave(this.node, count, dim));
  }
  /** Pieces of one size (the last may be smaller) or of the given sizes. */
  split(sizes: number | readonly number[], dim = 0): Tensor<Shape, D>[] {
    return join.split(this.node, sizes, dim).map((n) => wrap(n));
  }
  /** At most `count` pieces of equal size. */
  chunk(count: number, dim = 0): Tensor<Shape, D>[] {
    return join.chunk(this.node, count, dim).map((n) => wrap(n));
  }
  unbind(dim = 0): Tensor<Shape, D>[] {
    return join.unbind(this.node, dim).map((n) => wrap(n));
  }
}
