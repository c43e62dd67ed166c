/** Movement methods as functions: `permute(x, [1, 0])` is `x.permute(1, 0)`. */
import type { DType } from '../dtype.js';
import type { Tensor } from '../tensor.js';
import type { Shape } from '../types/shape.js';

export const reshape = <D extends DType, const R extends Shape>(x: Tensor<Shape, D>, shape: R) =>
  x.reshape(shape);
export const flatten = <A extends Shape, T extends DType, const N extends number = 0>(
  x: Tensor<A, T>,
  start?: N,
) => x.flatten<A, T, N>(start);
export const unflatten = <D extends DType>(x: Tensor<Shape, D>, dim: number, sizes: Shape) =>
  x.unflatten(dim, sizes);
export const squeeze = <A extends Shape, T extends DType, const N extends number | undefined = undefined>(
  x: Tensor<A, T>,
  dim?: N,
) => x.squeeze<A, T, N>(dim);
export const unsqueeze = <A extends Shape, T extends DType, const N extends number>(
  x: Tensor<A, T>,
  dim: N,
) => x.unsqueeze<A, T, N>(dim);
export const permute = <A extends Shape, T extends DType, const P extends Shape>(x: Tensor<A, T>, dims: P) =>
  x.permute<A, T, readonly [P]>(dims);
export const transpose = <A extends Shape, T extends DType, const I extends number, const J extends number>(
  x: Tensor<A, T>,
  a: I,
  b: J,
) => x.transpose<A, T, I, J>(a, b);
export const movedim = <D extends DType>(
  x: Tensor<Shape, D>,
  source: number | readonly number[],
  destination: number | readonly number[],
) => x.movedim(source, destination);
export const broadcastTo = <D extends DType, const R extends Shape>(x: Tensor<Shape, D>, shape: R) =>
  x.broadcastTo(shape);
export const narrow = <A extends Shape, T extends DType, const N extends number, const L extends number>(
  x: Tensor<A, T>,
  dim: N,
  start: number | Tensor,
  length: L,
) => x.narrow<A, T, N, L>(dim, start, length);
export const select = <A extends Shape, T extends DType, const N extends number>(
  x: Tensor<A, T>,
  dim: N,
  index: number,
) => x.select<A, T, N>(dim, index);
export const flip = <S extends Shape, D extends DType>(x: Tensor<S, D>, dims: Shape) => x.flip(dims);
export const roll = <S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  shifts: number | readonly number[],
  dims?: number | readonly number[],
) => x.roll(shifts, dims);
export const tile = <D extends DType>(x: Tensor<Shape, D>, counts: Shape) => x.tile(counts);
export const repeatInterleave = <D extends DType>(x: Tensor<Shape, D>, count: number, dim?: number) =>
  x.repeatInterleave(count, dim);
export const split = <D extends DType>(
  x: Tensor<Shape, D>,
  sizes: number | readonly number[],
  dim?: number,
) => x.split(sizes, dim);
export const chunk = <D extends DType>(x: Tensor<Shape, D>, count: number, dim?: number) =>
  x.chunk(count, dim);
export const unbind = <D extends DType>(x: Tensor<Shape, D>, dim?: number) => x.unbind(dim);
