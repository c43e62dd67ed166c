/** Reductions, scans, softmax. See `ops/reduce.ts`, `ops/statistics.ts`, `ops/order.ts`. */
import type { DType } from '../dtype.js';
import { raised } from '../ops/autocast.js';
import { maximum, minimum } from '../ops/math.js';
import * as order from '../ops/order.js';
import * as r from '../ops/reduce.js';
import * as st from '../ops/statistics.js';
import type { Tensor } from '../tensor.js';
import type { Dims, Reduce } from '../types/dims.js';
import type { FloatOf, SumOf } from '../types/dtype.js';
import type { Shape } from '../types/shape.js';
import { ElementwiseMethods } from './elementwise.js';
import { nodeOf, wrap } from './wrap.js';

/** `keepdim` leaves reduced dimensions in place with size 1. */
export interface ReduceOptions<K extends boolean = boolean> {
  readonly keepdim?: K;
}

/** `dtype` converts the input first, and is the dtype of the result. */
export interface DTypeOption<R extends DType> {
  readonly dtype?: R;
}

/** Options of `var` and `std`: the divisor is n − correction (1 by default; `unbiased: false` is correction 0). */
export interface VarianceOptions<K extends boolean = boolean> extends ReduceOptions<K> {
  readonly correction?: number;
  readonly unbiased?: boolean;
}

/** `[values, indices]`, as PyTorch's named tuple. */
export type ValuesIndices<S extends Shape, D extends DType> = [
  values: Tensor<S, D>,
  indices: Tensor<S, 'int32'>,
];

const pair = <S extends Shape, D extends DType>([v, i]: order.ValuesAndIndices): ValuesIndices<S, D> => [
  wrap(v),
  wrap(i),
];
const correctionOf = (o: VarianceOptions): number => o.correction ?? (o.unbiased === false ? 0 : 1);

export abstract class ReductionMethods<S extends Shape, D extends DType> extends ElementwiseMethods<S, D> {
  // `dim` is one dimension, several, or absent for all of them; negative ones count from the end.

  /** Sum; bool and 8-bit integers are summed as int32. */
  sum<
    A extends Shape,
    T extends DType,
    const N extends Dims = undefined,
    const K extends boolean = false,
    R extends DType = SumOf<T>,
  >(
    this: Tensor<A, T>,
    dim?: N,
    options: ReduceOptions<K> & DTypeOption<R> = {},
  ): Tensor<Reduce<A, N, K>, R> {
    return wrap(r.sum(raised(this.node), dim, options.keepdim, options.dtype));
  }
  prod<
    A extends Shape,
    T extends DType,
    const N extends Dims = undefined,
    const K extends boolean = false,
    R extends DType = SumOf<T>,
  >(
    this: Tensor<A, T>,
    dim?: N,
    options: ReduceOptions<K> & DTypeOption<R> = {},
  ): Tensor<Reduce<A, N, K>, R> {
    return wrap(r.prod(raised(this.node), dim, options.keepdim, options.dtype));
  }
  /** Mean of a float tensor. */
  mean<
    A extends Shape,
    T extends DType,
    const N extends Dims = undefined,
    const K extends boolean = false,
    R extends DType = T,
  >(
    this: Tensor<A, T>,
    dim?: N,
    options: ReduceOptions<K> & DTypeOption<R> = {},
  ): Tensor<Reduce<A, N, K>, R> {
    return wrap(r.mean(this.node, dim, options.keepdim, options.dtype));
  }
  /** Greatest value; ties share the gradient evenly. */
  amax<A extends Shape, T extends DType, const N extends Dims = undefined, const K extends boolean = false>(
    this: Tensor<A, T>,
    dim?: N,
    options: ReduceOptions<K> = {},
  ): Tensor<Reduce<A, N, K>, T> {
    return wrap(r.extreme('amax', this.node, dim, options.keepdim));
  }
  amin<A extends Shape, T extends DType, const N extends Dims = undefined, const K extends boolean = false>(
    this: Tensor<A, T>,
    dim?: N,
    options: ReduceOptions<K> = {},
  ): Tensor<Reduce<A, N, K>, T> {
    return wrap(r.extreme('amin', this.node, dim, options.keepdim));
  }
  /** int32 position of the greatest value along `dim`, or in the flattened tensor; the first one on ties. */
  argmax<A extends Shape, const N extends number | undefined = undefined, const K extends boolean = false>(
    this: Tensor<A>,
    dim?: N,
    options: ReduceOptions<K> = {},
  ): Tensor<Reduce<A, N, K>, 'int32'> {
    return wrap(r.argExtreme('argmax', this.node, dim, options.keepdim));
  }
  argmin<A extends Shape, const N extends number | undefined = undefined, const K extends boolean = false>(
    this: Tensor<A>,
    dim?: N,
    options: ReduceOptions<K> = {},
  ): Tensor<Reduce<A, N, K>, 'int32'> {
    return wrap(r.argExtreme('argmin', this.node, dim, options.keepdim));
  }
  /**
   * Without `dim` the greatest value; with it `[values, indices]`, whose gradient goes to the indices; with a tensor
   * the same as `maximum`.
   */
  max(): Tensor<readonly [], D>;
  max(other: Tensor): Tensor<Shape, DType>;
  max<A extends Shape, T extends DType, const N extends number, const K extends boolean = false>(
    this: Tensor<A, T>,
    dim: N,
    options?: ReduceOptions<K>,
  ): ValuesIndices<Reduce<A, N, K>, T>;
  max(dim?: number | Tensor, options: ReduceOptions = {}): Tensor | ValuesIndices<Shape, DType> {
    if (typeof dim === 'object') return wrap(maximum(this.node, nodeOf('max', dim)));
    if (dim === undefined) return wrap(r.extreme('amax', this.node, null, false, 'max'));
    return pair(order.extremeWithIndex('argmax', this.node, dim, options.keepdim));
  }
  min(): Tensor<readonly [], D>;
  min(other: Tensor): Tensor<Shape, DType>;
  min<A extends Shape, T extends DType, const N extends number, const K extends boolean = false>(
    this: Tensor<A, T>,
    dim: N,
    options?: ReduceOptions<K>,
  ): ValuesIndices<Reduce<A, N, K>, T>;
  min(dim?: number | Tensor, options: ReduceOptions = {}): Tensor | ValuesIndices<Shape, DType> {
    if (typeof dim === 'object') return wrap(minimum(this.node, nodeOf('min', dim)));
    if (dim === undefined) return wrap(r.extreme('amin', this.node, null, false, 'min'));
    return pair(order.extremeWithIndex('argmin', this.node, dim, options.keepdim));
  }
  /** Whether any element is not 0. */
  any<A extends Shape, const N extends Dims = undefined, const K extends boolean = false>(
    this: Tensor<A>,
    dim?: N,
    options: ReduceOptions<K> = {},
  ): Tensor<Reduce<A, N, K>, 'bool'> {
    return wrap(r.any(this.node, dim, options.keepdim));
  }
  /** Whether no element is 0. */
  all<A extends Shape, const N extends Dims = undefined, const K extends boolean = false>(
    this: Tensor<A>,
    dim?: N,
    options: ReduceOptions<K> = {},
  ): Tensor<Reduce<A, N, K>, 'bool'> {
    return wrap(r.all(this.node, dim, options.keepdim));
  }
  countNonzero<A extends Shape, const N extends Dims = undefined>(
    this: Tensor<A>,
    dim?: N,
  ): Tensor<Reduce<A, N, false>, 'int32'> {
    return wrap(r.countNonzero(this.node, dim));
  }
  /** Variance with Bessel's correction. */
  var<A extends Shape, T extends DType, const N extends Dims = undefined, const K extends boolean = false>(
    this: Tensor<A, T>,
    dim?: N,
    options: VarianceOptions<K> = {},
  ): Tensor<Reduce<A, N, K>, T> {
    return wrap(st.variance(this.node, dim, correctionOf(options), options.keepdim));
  }
  std<A extends Shape, T extends DType, const N extends Dims = undefined, const K extends boolean = false>(
    this: Tensor<A, T>,
    dim?: N,
    options: VarianceOptions<K> = {},
  ): Tensor<Reduce<A, N, K>, T> {
    return wrap(st.std(this.node, dim, correctionOf(options), options.keepdim));
  }
  /** `[variance, mean]`. */
  varMean<
    A extends Shape,
    T extends DType,
    const N extends Dims = undefined,
    const K extends boolean = false,
  >(
    this: Tensor<A, T>,
    dim?: N,
    options: VarianceOptions<K> = {},
  ): [Tensor<Reduce<A, N, K>, T>, Tensor<Reduce<A, N, K>, T>] {
    const [variance, mean] = st.varMean(this.node, dim, correctionOf(options), options.keepdim, 'varMean');
    return [wrap(variance), wrap(mean)];
  }
  /** log Σ exp, without overflow. */
  logsumexp<A extends Shape, T extends DType, const N extends Dims, const K extends boolean = false>(
    this: Tensor<A, T>,
    dim: N,
    options: ReduceOptions<K> = {},
  ): Tensor<Reduce<A, N, K>, FloatOf<T>> {
    return wrap(st.logsumexp(this.node, dim, options.keepdim));
  }
  /** (Σ|x|^p)^(1/p); p may be ±∞ and 0. */
  norm<A extends Shape, T extends DType, const N extends Dims = undefined, const K extends boolean = false>(
    this: Tensor<A, T>,
    p: number | 'fro' = 2,
    dim?: N,
    options: ReduceOptions<K> = {},
  ): Tensor<Reduce<A, N, K>, T> {
    return wrap(st.norm(raised(this.node), p, dim, options.keepdim));
  }
  /** exp(x) / Σ exp(x) along `dim`. */
  softmax<R extends DType = D>(dim: number, options: DTypeOption<R> = {}): Tensor<S, R> {
    return wrap(st.softmax(raised(this.node), dim, options.dtype));
  }
  logSoftmax<R extends DType = D>(dim: number, options: DTypeOption<R> = {}): Tensor<S, R> {
    return wrap(st.logSoftmax(raised(this.node), dim, options.dtype));
  }

  // Scans
  cumsum<R extends DType = SumOf<D>>(dim: number, options: DTypeOption<R> = {}): Tensor<S, R> {
    return wrap(r.scan('cumsum', raised(this.node), dim, options.dtype));
  }
  cumprod<R extends DType = SumOf<D>>(dim: number, options: DTypeOption<R> = {}): Tensor<S, R> {
    return wrap(r.scan('cumprod', raised(this.node), dim, options.dtype));
  }
  /** Running maximum and where it stands, the last place on ties. */
  cummax(dim: number): ValuesIndices<S, D> {
    return pair(order.scanWithIndex('cummax', this.node, dim));
  }
  cummin(dim: number): ValuesIndices<S, D> {
    return pair(order.scanWithIndex('cummin', this.node, dim));
  }

  // Order
  /** int32 positions that sort along `dim`; equal elements keep their order, NaN is the greatest. */
  argsort(dim = -1, options: { descending?: boolean } = {}): Tensor<S, 'int32'> {
    return wrap(order.argsort(this.node, dim, options.descending));
  }
  sort(dim = -1, options: { descending?: boolean } = {}): ValuesIndices<S, D> {
    return pair(order.sort(this.node, dim, options.descending));
  }
  /** The k greatest elements along `dim` (`largest: false`: the least), in order. */
  topk(k: number, dim = -1, options: { largest?: boolean } = {}): ValuesIndices<Shape, D> {
    return pair(order.topk(this.node, k, dim, options.largest));
  }
}
