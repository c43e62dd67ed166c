/** Functions of several tensors: products and joins. */
import type { DType } from '../dtype.js';
import { nodeOf, wrap } from '../methods/wrap.js';
import * as contraction from '../ops/contraction.js';
import * as join from '../ops/join.js';
import type { ConvAttrs } from '../ops/primitives.js';
import type { Tensor } from '../tensor.js';
import type { Insert, Replace } from '../types/dims.js';
import type { MatMulCheck, Shape } from '../types/shape.js';

// Products

export const matmul = <A extends Shape, T extends DType, B extends Shape>(
  a: Tensor<A, T>,
  b: Tensor<B> & MatMulCheck<A, B>,
) => a.matmul(b);
export const mm = <A extends Shape, T extends DType, B extends Shape>(
  a: Tensor<A, T>,
  b: Tensor<B> & MatMulCheck<A, B>,
) => a.mm(b);
export const bmm = <A extends Shape, T extends DType, B extends Shape>(
  a: Tensor<A, T>,
  b: Tensor<B> & MatMulCheck<A, B>,
) => a.bmm(b);
export const mv = <A extends Shape, T extends DType, B extends Shape>(
  a: Tensor<A, T>,
  b: Tensor<B> & MatMulCheck<A, B>,
) => a.mv(b);
export const dot = <A extends Shape, T extends DType, B extends Shape>(
  a: Tensor<A, T>,
  b: Tensor<B> & MatMulCheck<A, B>,
) => a.dot(b);

/** The convolution primitive of any rank: input [n, g·c, x…], weight [g·o, c, t…] → [n, g·o, y…]. */
export const conv = <D extends DType>(
  input: Tensor<Shape, D>,
  weight: Tensor<Shape, D>,
  attrs: ConvAttrs,
): Tensor<Shape, D> => wrap(contraction.conv(nodeOf('conv', input), nodeOf('conv', weight), attrs));

// Joins

type First<L extends readonly Tensor[]> = L extends readonly [infer F extends Tensor, ...unknown[]]
  ? F['shape']
  : L[number]['shape'];

/** Joins tensors along a dimension; their other sizes must be equal. */
export const cat = <const L extends readonly Tensor[], const N extends number = 0>(
  tensors: L,
  dim?: N,
): Tensor<Replace<First<L>, N, number>, L[number]['dtype']> =>
  wrap(
    join.cat(
      tensors.map((t) => nodeOf('cat', t)),
      dim,
    ),
  );
/** Joins tensors of one shape along a new dimension. */
export const stack = <const L extends readonly Tensor[], const N extends number = 0>(
  tensors: L,
  dim?: N,
): Tensor<Insert<First<L>, N, L['length']>, L[number]['dtype']> =>
  wrap(
    join.stack(
      tensors.map((t) => nodeOf('stack', t)),
      dim,
    ),
  );
