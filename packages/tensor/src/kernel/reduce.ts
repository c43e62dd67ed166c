/** What reductions start from and how they combine. */
import { type DType, isFloat } from '../dtype.js';
import { INTEGER_RANGE } from './exact.js';
import type { ReduceOp, ScalarOp } from './ir.js';

/** The scalar op that a reduction or a combining store repeats. */
export const COMBINING_OP: Readonly<Record<ReduceOp, ScalarOp>> = {
  sum: 'add',
  prod: 'mul',
  max: 'max',
  min: 'min',
};

/** The value that a reduction over nothing has: 0, 1, or the least or greatest value of the dtype. */
export function reductionIdentity(op: ReduceOp, dtype: DType): number {
  if (op === 'sum') return 0;
  if (op === 'prod') return 1;
  const [least, greatest] = INTEGER_RANGE[dtype] ?? (isFloat(dtype) ? [-Infinity, Infinity] : [0, 1]);
  return op === 'max' ? least : greatest;
}
