/** Reading and writing at positions, as functions: `gather(x, 1, i)` is `x.gather(1, i)`. */
import type { DType } from '../dtype.js';
import { ShapeError } from '../errors.js';
import { nodeOf, wrap } from '../methods/wrap.js';
import { broadcastShapes, showShape } from '../ops/dims.js';
import { type ReduceName, wrapIndex } from '../ops/indexing.js';
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

/**
 * A copy with the slices of `source` combined in at the positions of `dim` that the vector `index` lists.
 * https://pytorch.org/docs/1.13/generated/torch.Tensor.index_reduce_.html
 */
export function indexReduce<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  dim: number,
  index: Tensor,
  source: Tensor,
  reduce: Exclude<ReduceName, 'sum'>,
  options?: { includeSelf?: boolean },
): Tensor<S, D> {
  if (index.ndim > 1)
    throw new ShapeError(`indexReduce: the index must be a vector, got shape ${showShape(index.shape)}`);
  const along = index.reshape(source.shape.map((_, d) => (d === (dim + source.ndim) % source.ndim ? -1 : 1)));
  return x.scatterReduce(dim, along.expand(source.shape), source, reduce, options);
}

/**
 * A copy with `values` written at integer tensors of positions in the first dimensions, which broadcast against each other;
 * `accumulate` adds them. Of several values for one place the last stays.
 * https://pytorch.org/docs/1.13/generated/torch.Tensor.index_put_.html
 */
export function indexPut<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  indices: readonly Tensor[],
  values: Tensor,
  options: { accumulate?: boolean } = {},
): Tensor<S, D> {
  if (indices.length === 0 || indices.length > x.ndim)
    throw new ShapeError(
      `indexPut: ${indices.length} index tensors do not fit the ${x.ndim} dimensions of shape ${showShape(x.shape)}`,
    );
  const rest = x.shape.slice(indices.length);
  const shape = indices.reduce<Shape>((s, i) => broadcastShapes('indexPut', s, i.shape), []);
  const positions = indices
    .map((i, d): Tensor => wrap(wrapIndex('indexPut', nodeOf('indexPut', i), x.shape[d])))
    .reduce((linear, i, d) => linear.mul(x.shape[d]).add(i))
    .expand(shape)
    .reshape(-1);
  const rows = x.reshape(-1, ...rest);
  const source = values.expand([...shape, ...rest]).reshape(-1, ...rest);
  const written = options.accumulate
    ? rows.indexAdd(0, positions, source)
    : rows.indexCopy(0, positions, source);
  return written.viewAs(x) as Tensor<S, D>;
}
