/** A contraction as a product of two matrices, whatever their elements are made of. */
import type { Kernel, MatmulContraction, Nest } from '@neurite/tensor';
import { convProduct } from './convProduct.js';
import { affineOperand, type Operand } from './operand.js';
import { collapse, product, unravel } from './positions.js';

export interface Product {
  readonly lhs: Operand;
  readonly rhs: Operand;
  readonly k: number;
  /** Products side by side; `batch` is the name of their number in texts. */
  readonly batch: number;
  /** Values of the nest's outer loops at row `m` and column `n` of product `batch`. */
  readonly position: readonly string[];
}

export function productOf({ contraction }: Nest, kernel: Kernel): Product | null {
  if (!contraction) return null;
  return contraction.op === 'matmul' ? matmulProduct(contraction, kernel) : convProduct(contraction, kernel);
}

function matmulProduct({ batch, m, n, k, lhs, rhs }: MatmulContraction, { buffers }: Kernel): Product {
  const side = (
    name: Operand['side'],
    rows: number,
    rowStride: number,
    { buffer, offset, strides }: typeof lhs | typeof rhs,
  ): Operand =>
    affineOperand(
      {
        side: name,
        rows,
        buffer,
        offset,
        batch: collapse(batch, strides.batch),
        row: collapse([rows], [rowStride]),
        k: collapse([k], [strides.k]),
      },
      buffers,
    );
  return {
    lhs: side('lhs', m, lhs.strides.m, lhs),
    rhs: side('rhs', n, rhs.strides.n, rhs),
    k,
    batch: product(batch),
    position: [...unravel('batch', batch), 'm', 'n'],
  };
}
