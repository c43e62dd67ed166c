/** Reductions, scans and sorting as functions: `sum(x, 1)` is `x.sum(1)`. */
import type { DType } from '../dtype.js';
import type { DTypeOption, ReduceOptions, VarianceOptions } from '../methods/reduction.js';
import type { Tensor } from '../tensor.js';
import type { Dims } from '../types/dims.js';
import type { SumOf } from '../types/dtype.js';
import type { Shape } from '../types/shape.js';

export const sum = <
  A extends Shape,
  T extends DType,
  const N extends Dims = undefined,
  const K extends boolean = false,
  R extends DType = SumOf<T>,
>(
  x: Tensor<A, T>,
  dim?: N,
  options?: ReduceOptions<K> & DTypeOption<R>,
) => x.sum<A, T, N, K, R>(dim, options);
export const prod = <
  A extends Shape,
  T extends DType,
  const N extends Dims = undefined,
  const K extends boolean = false,
  R extends DType = SumOf<T>,
>(
  x: Tensor<A, T>,
  dim?: N,
  options?: ReduceOptions<K> & DTypeOption<R>,
) => x.prod<A, T, N, K, R>(dim, options);
export const mean = <
  A extends Shape,
  T extends DType,
  const N extends Dims = undefined,
  const K extends boolean = false,
  R extends DType = T,
>(
  x: Tensor<A, T>,
  dim?: N,
  options?: ReduceOptions<K> & DTypeOption<R>,
) => x.mean<A, T, N, K, R>(dim, options);
export const amax = <
  A extends Shape,
  T extends DType,
  const N extends Dims = undefined,
  const K extends boolean = false,
>(
  x: Tensor<A, T>,
  dim?: N,
  options?: ReduceOptions<K>,
) => x.amax<A, T, N, K>(dim, options);
export const amin = <
  A extends Shape,
  T extends DType,
  const N extends Dims = undefined,
  const K extends boolean = false,
>(
  x: Tensor<A, T>,
  dim?: N,
  options?: ReduceOptions<K>,
) => x.amin<A, T, N, K>(dim, options);
export const any = <A extends Shape, const N extends Dims = undefined, const K extends boolean = false>(
  x: Tensor<A>,
  dim?: N,
  options?: ReduceOptions<K>,
) => x.any<A, N, K>(dim, options);
export const all = <A extends Shape, const N extends Dims = undefined, const K extends boolean = false>(
  x: Tensor<A>,
  dim?: N,
  options?: ReduceOptions<K>,
) => x.all<A, N, K>(dim, options);
export const argmax = <
  A extends Shape,
  const N extends number | undefined = undefined,
  const K extends boolean = false,
>(
  x: Tensor<A>,
  dim?: N,
  options?: ReduceOptions<K>,
) => x.argmax<A, N, K>(dim, options);
export const argmin = <
  A extends Shape,
  const N extends number | undefined = undefined,
  const K extends boolean = false,
>(
  x: Tensor<A>,
  dim?: N,
  options?: ReduceOptions<K>,
) => x.argmin<A, N, K>(dim, options);
export const std = <
  A extends Shape,
  T extends DType,
  const N extends Dims = undefined,
  const K extends boolean = false,
>(
  x: Tensor<A, T>,
  dim?: N,
  options?: VarianceOptions<K>,
) => x.std<A, T, N, K>(dim, options);
export const varMean = <
  A extends Shape,
  T extends DType,
  const N extends Dims = undefined,
  const K extends boolean = false,
>(
  x: Tensor<A, T>,
  dim?: N,
  options?: VarianceOptions<K>,
) => x.varMean<A, T, N, K>(dim, options);
export const logsumexp = <
  A extends Shape,
  T extends DType,
  const N extends Dims,
  const K extends boolean = false,
>(
  x: Tensor<A, T>,
  dim: N,
  options?: ReduceOptions<K>,
) => x.logsumexp<A, T, N, K>(dim, options);
export const norm = <
  A extends Shape,
  T extends DType,
  const N extends Dims = undefined,
  const K extends boolean = false,
>(
  x: Tensor<A, T>,
  p?: number | 'fro',
  dim?: N,
  options?: ReduceOptions<K>,
) => x.norm<A, T, N, K>(p, dim, options);

export const softmax = <S extends Shape, D extends DType, R extends DType = D>(
  x: Tensor<S, D>,
  dim: number,
  options?: DTypeOption<R>,
) => x.softmax<R>(dim, options);
export const logSoftmax = <S extends Shape, D extends DType, R extends DType = D>(
  x: Tensor<S, D>,
  dim: number,
  options?: DTypeOption<R>,
) => x.logSoftmax<R>(dim, options);
export const cumsum = <S extends Shape, D extends DType, R extends DType = SumOf<D>>(
  x: Tensor<S, D>,
  dim: number,
  options?: DTypeOption<R>,
) => x.cumsum<R>(dim, options);
export const cumprod = <S extends Shape, D extends DType, R extends DType = SumOf<D>>(
  x: Tensor<S, D>,
  dim: number,
  options?: DTypeOption<R>,
) => x.cumprod<R>(dim, options);
export const cummax = <S extends Shape, D extends DType>(x: Tensor<S, D>, dim: number) => x.cummax(dim);
export const cummin = <S extends Shape, D extends DType>(x: Tensor<S, D>, dim: number) => x.cummin(dim);
export const argsort = <S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  dim?: number,
  options?: { descending?: boolean },
) => x.argsort(dim, options);
export const sort = <S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  dim?: number,
  options?: { descending?: boolean },
) => x.sort(dim, options);
export const topk = <S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  k: number,
  dim?: number,
  options?: { largest?: boolean },
) => x.topk(k, dim, options);
export const countNonzero = <A extends Shape, const N extends Dims = undefined>(x: Tensor<A>, dim?: N) =>
  x.countNonzero<A, N>(dim);
