/** Reductions, scans and sorting as functions: `sum(x, 1)` is `x.sum(1)`. */
import type { DType } from '../dtype.js';
import type { ReduceOptions, VarianceOptions } from '../methods/reduction.js';
import type { Tensor } from '../tensor.js';
import type { Dims } from '../types/dims.js';
import type { Shape } from '../types/shape.js';

export const sum = <
  A extends Shape,
  T extends DType,
  const N extends Dims = undefined,
  const K extends boolean = false,
>(
  x: Tensor<A, T>,
  dim?: N,
  options?: ReduceOptions<K>,
) => x.sum<A, T, N, K>(dim, options);
export const prod = <
  A extends Shape,
  T extends DType,
  const N extends Dims = undefined,
  const K extends boolean = false,
>(
  x: Tensor<A, T>,
  dim?: N,
  options?: ReduceOptions<K>,
) => x.prod<A, T, N, K>(dim, options);
export const mean = <
  A extends Shape,
  T extends DType,
  const N extends Dims = undefined,
  const K extends boolean = false,
>(
  x: Tensor<A, T>,
  dim?: N,
  options?: ReduceOptions<K>,
) => x.mean<A, T, N, K>(dim, options);
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

export const softmax = <S extends Shape, D extends DType>(x: Tensor<S, D>, dim: number) => x.softmax(dim);
export const logSoftmax = <S extends Shape, D extends DType>(x: Tensor<S, D>, dim: number) =>
  x.logSoftmax(dim);
export const cumsum = <S extends Shape, D extends DType>(x: Tensor<S, D>, dim: number) => x.cumsum(dim);
export const cumprod = <S extends Shape, D extends DType>(x: Tensor<S, D>, dim: number) => x.cumprod(dim);
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
