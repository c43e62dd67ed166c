/** Changing the dtype. */
import { DTYPES, type DType, isFloat } from '../dtype.js';
import { DTypeError } from '../errors.js';
import { NO_ATTRS, type Node, record } from '../graph/node.js';

/** Converts to another dtype; the same node when it has it already. */
export function cast(x: Node, dtype: DType): Node {
  return x.dtype === dtype ? x : record('cast', [x], NO_ATTRS, x.shape, dtype);
}

/** Reinterprets the bits as another dtype of the same size. */
export function bitcast(x: Node, dtype: DType): Node {
  if (x.dtype === dtype) return x;
  if (DTYPES[x.dtype].bytes !== DTYPES[dtype].bytes || x.dtype === 'bool' || dtype === 'bool')
    throw new DTypeError(`bitcast: ${x.dtype} and ${dtype} do not have the same bits; use to('${dtype}')`);
  return record('bitcast', [x], NO_ATTRS, x.shape, dtype);
}

/** A formula in float32 for a float16 tensor, rounded once at its end, as PyTorch's kernels compute it. */
export const inFloat32 = (x: Node, formula: (x: Node) => Node): Node =>
  x.dtype === 'float16' ? cast(formula(cast(x, 'float32')), 'float16') : formula(x);

/** Integers and bool become float32. */
export const toFloat = (x: Node): Node => (isFloat(x.dtype) ? x : cast(x, 'float32'));
