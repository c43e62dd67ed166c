/** Methods that read and write at positions given by tensors. See `ops/indexing.ts`, `ops/getitem.ts`. */
import type { DType } from '../dtype.js';
import { widened } from '../ops/autocast.js';
import { getItem } from '../ops/getitem.js';
import * as ix from '../ops/indexing.js';
import { scaledOperand } from '../ops/math.js';
import type { Tensor } from '../tensor.js';
import type { Replace } from '../types/dims.js';
import type { Shape } from '../types/shape.js';
import { MovementMethods } from './movement.js';
import { nodeOf, operand, wrap } from './wrap.js';

type Index = Tensor<Shape, DType>;

/** A Python slice; absent bounds reach to the ends. */
export interface SliceIndex {
  readonly start?: number | null;
  readonly stop?: number | null;
  readonly step?: number;
}
/** One entry of `at(…)`: a position, a slice, a new dimension (null), all remaining dimensions ('...'), or a tensor. */
export type IndexEntry = number | null | '...' | SliceIndex | Tensor;

export abstract class IndexingMethods<S extends Shape, D extends DType> extends MovementMethods<S, D> {
  /**
   * Python's `x[…]`: `x.at(0, { start: 1 }, null, '...')`. Integer tensors index as in NumPy; a bool tensor must be host
   * data, because the result's shape follows from its values.
   */
  at(...entries: readonly IndexEntry[]): Tensor<Shape, D> {
    const isTensor = (e: IndexEntry): e is Tensor => typeof e === 'object' && e !== null && 'node' in e;
    return wrap(
      getItem(
        this.node,
        entries.map((e) => (isTensor(e) ? e.node : e)),
      ),
    );
  }
  /** out[i…] = this[i… with position `dim` replaced by index[i…]]. */
  gather<R extends Shape>(dim: number, index: Tensor<R>): Tensor<R, D> {
    return wrap(ix.gather(this.node, dim, nodeOf('gather', index)));
  }
  /** A copy with `source` written at `index` along `dim`; `reduce` 'add' or 'multiply' combines instead. */
  scatter(
    dim: number,
    index: Index,
    source: Tensor | number,
    options: { reduce?: 'add' | 'multiply' } = {},
  ): Tensor<S, D> {
    const mode = ix.scatterMode(options.reduce);
    return wrap(ix.scatter(this.node, dim, nodeOf('scatter', index), operand('scatter', source), mode));
  }
  scatterAdd(dim: number, index: Index, source: Tensor): Tensor<S, D> {
    const [own, from] = widened([this.node, nodeOf('scatterAdd', source)]);
    return wrap(ix.scatter(own, dim, nodeOf('scatterAdd', index), from, 'add', 'scatterAdd'));
  }
  /** A copy with `source` combined in; `includeSelf: false` leaves this tensor's elements out of the reductions. */
  scatterReduce(
    dim: number,
    index: Index,
    source: Tensor,
    reduce: ix.ReduceName,
    options: { includeSelf?: boolean } = {},
  ): Tensor<S, D> {
    const [at, from] = [nodeOf('scatterReduce', index), nodeOf('scatterReduce', source)];
    return wrap(ix.scatterReduce(this.node, dim, at, from, reduce, options.includeSelf));
  }
  /** The slices of `dim` that the vector `index` lists. */
  indexSelect<A extends Shape, T extends DType, const N extends number>(
    this: Tensor<A, T>,
    dim: N,
    index: Index,
  ): Tensor<Replace<A, N, number>, T> {
    return wrap(ix.indexSelect(this.node, dim, nodeOf('indexSelect', index)));
  }
  /** A copy with `alpha` · source added at the positions of `dim` that the vector `index` lists. */
  indexAdd(dim: number, index: Index, source: Tensor, options: { alpha?: number } = {}): Tensor<S, D> {
    const values = nodeOf('indexAdd', source);
    const scaled = scaledOperand(values, options.alpha);
    return wrap(ix.indexScatter(this.node, dim, nodeOf('indexAdd', index), scaled, 'add', 'indexAdd'));
  }
  indexCopy(dim: number, index: Index, source: Tensor): Tensor<S, D> {
    return wrap(
      ix.indexScatter(
        this.node,
        dim,
        nodeOf('indexCopy', index),
        nodeOf('indexCopy', source),
        'set',
        'indexCopy',
      ),
    );
  }
  /** A copy with one value at the positions of `dim` that the vector `index` lists. */
  indexFill(dim: number, index: Index, value: Tensor | number | boolean): Tensor<S, D> {
    return wrap(ix.indexFill(this.node, dim, nodeOf('indexFill', index), operand('indexFill', value)));
  }
  /** `gather` that broadcasts outside `dim`; without `dim` from the flattened tensor. */
  takeAlongDim(index: Index, dim?: number): Tensor<Shape, D> {
    return wrap(ix.takeAlongDim(this.node, nodeOf('takeAlongDim', index), dim));
  }
  /** Elements of the flattened tensor, in the shape of `index`. */
  take<R extends Shape>(index: Tensor<R>): Tensor<R, D> {
    return wrap(ix.take(this.node, nodeOf('take', index)));
  }
  /** Rows with a single 1 at the positions that this integer tensor gives. */
  oneHot<A extends Shape, const C extends number = number>(
    this: Tensor<A>,
    numClasses?: C,
  ): Tensor<readonly [...A, C], 'int32'> {
    return wrap(ix.oneHot(this.node, numClasses));
  }
}
