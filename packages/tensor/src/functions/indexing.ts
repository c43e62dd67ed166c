/** Reading and writing at positions, as functions: `gather(x, 1, i)` is `x.gather(1, i)`. */
import type { DType } from '../dtype.js';
import type { ReduceName } from '../ops/indexing.js';
import type { Tensor } from '../tensor.js';
import type { Shape } from '../types/shape.js';

export const gather = <D extends DType, R extends Shape>(
  x: Tensor<Shape, D>,
  dim: number,
  index: Tensor<R>,
) => x.gather(dim, index);
export const scatter = <S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  dim: number,
  index: Tensor,
  source: Tensor | number,
) => x.scatter(dim, index, source);
export const scatterAdd = <S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  dim: number,
  index: Tensor,
  source: Tensor,
) => x.scatterAdd(dim, index, source);
export const indexSelect = <A extends Shape, T extends DType, const N extends number>(
  x: Tensor<A, T>,
  dim: N,
  index: Tensor,
) => x.indexSelect(dim, index);
export const takeAlongDim = <D extends DType>(x: Tensor<Shape, D>, index: Tensor, dim?: number) =>
  x.takeAlongDim(index, dim);
export const take = <D extends DType, R extends Shape>(x: Tensor<Shape, D>, index: Tensor<R>) =>
  x.take(index);
export const scatterReduce = <S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  dim: number,
  index: Tensor,
  source: Tensor,
  reduce: ReduceName,
  options?: { includeSelf?: boolean },
) => x.scatterReduce(dim, index, source, reduce, options);
export const indexAdd = <S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  dim: number,
  index: Tensor,
  source: Tensor,
  options?: { alpha?: number },
) => x.indexAdd(dim, index, source, options);
export const indexCopy = <S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  dim: number,
  index: Tensor,
  source: Tensor,
) => x.indexCopy(dim, index, source);
export const indexFill = <S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  dim: number,
  index: Tensor,
  value: Tensor | number | boolean,
) => x.indexFill(dim, index, value);
