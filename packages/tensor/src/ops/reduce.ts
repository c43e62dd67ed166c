/** Reductions and scans. */
import { type DType, isFloat } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { type Node, record, sizeOf } from '../graph/node.js';
import { cast, inFloat32 } from './cast.js';
import { full } from './create.js';
import { normalizeDim, normalizeDims, showShape } from './dims.js';
import { constant } from './elementwise.js';
import { truth } from './logic.js';
import { div } from './math.js';
import { reshape } from './movement.js';
import type { ReduceOpName, ScanOp } from './primitives.js';

/** Dimensions of a reduction as users write them; absent or empty means all. */
export type DimArgument = number | readonly number[] | null | undefined;

/** Records a reduction over sorted dimensions; without `keepdim` they disappear in a reshape of their own. */
function reduce(op: ReduceOpName, x: Node, dims: readonly number[], keepdim: boolean, dtype: DType): Node {
  if (dims.length === 0) return cast(x, dtype);
  const kept = x.shape.map((s, d) => (dims.includes(d) ? 1 : s));
  const node = record(op, [x], { dims }, kept, dtype);
  return keepdim ? node : dropDims(node, dims);
}

const dropDims = (x: Node, dims: readonly number[]): Node =>
  reshape(
    x,
    x.shape.filter((_, d) => !dims.includes(d)),
  );

/** dtype of a sum: integers of 8 bits and bool are summed as int32. */
const sumDType = (dtype: DType): DType => (isFloat(dtype) || dtype === 'uint32' ? dtype : 'int32');

export function sum(x: Node, dim?: DimArgument, keepdim = false, dtype = sumDType(x.dtype)): Node {
  return reduce('sum', cast(x, dtype), normalizeDims('sum', dim, x.shape), keepdim, dtype);
}

export function prod(x: Node, dim?: DimArgument, keepdim = false, dtype = sumDType(x.dtype)): Node {
  return reduce('prod', cast(x, dtype), normalizeDims('prod', dim, x.shape), keepdim, dtype);
}

/** Number of elements that are reduced into one. */
export const reducedSize = (x: Node, dims: readonly number[]): number => sizeOf(dims.map((d) => x.shape[d]));

/** Throws DTypeError unless `x` is of a float dtype. */
export function requireFloat(op: string, x: Node): void {
  if (!isFloat(x.dtype))
    throw new DTypeError(`${op}: takes float tensors, got ${x.dtype}; convert it with to('float32')`);
}

/** Mean of a float tensor; `dtype` converts it first. */
export function mean(input: Node, dim?: DimArgument, keepdim = false, dtype = input.dtype): Node {
  const x = cast(input, dtype);
  requireFloat('mean', x);
  const dims = normalizeDims('mean', dim, x.shape);
  return inFloat32(x, (y) => div(sum(y, dims, keepdim), constant(y, reducedSize(y, dims))));
}

function requireElements(op: string, x: Node, dims: readonly number[]): void {
  if (dims.some((d) => x.shape[d] === 0))
    throw new ShapeError(
      `${op}: a dimension of size 0 has no extreme value: shape ${showShape(x.shape)}, dims ${showShape(dims)}`,
    );
}

/** Greatest (`amax`) or least (`amin`) value; ties share the gradient evenly. */
export function extreme(
  op: 'amax' | 'amin',
  x: Node,
  dim?: DimArgument,
  keepdim = false,
  name: string = op,
): Node {
  const dims = normalizeDims(name, dim, x.shape);
  requireElements(name, x, dims);
  return reduce(op, x, dims, keepdim, x.dtype);
}

/** int32 position of the first extreme value along a dimension, or in the flattened tensor. NaN beats any number. */
export function argExtreme(
  op: 'argmax' | 'argmin',
  x: Node,
  dim?: number | null,
  keepdim = false,
  name: string = op,
): Node {
  if (x.dtype === 'bool')
    throw new DTypeError(`${name}: takes float or integer tensors, got bool; convert it with to('int32')`);
  if (dim === undefined || dim === null) {
    requireElements(
      name,
      x,
      x.shape.map((_, d) => d),
    );
    const index = argExtreme(op, reshape(x, [-1]), 0, false, name);
    return keepdim
      ? reshape(
          index,
          x.shape.map(() => 1),
        )
      : index;
  }
  const d = normalizeDim(name, dim, x.shape);
  if (x.shape.length === 0) return full([], 0, 'int32');
  requireElements(name, x, [d]);
  return reduce(op, x, [d], keepdim, 'int32');
}

/** Whether any (`amax`) or every (`amin`) element is true; over no elements, false and true. */
function truthReduce(op: 'amax' | 'amin', x: Node, dim: DimArgument, keepdim: boolean, name: string): Node {
  const dims = normalizeDims(name, dim, x.shape);
  if (!dims.some((d) => x.shape[d] === 0)) return reduce(op, truth(x), dims, keepdim, 'bool');
  const kept = x.shape.map((s, d) => (dims.includes(d) ? 1 : s));
  const value = full(kept, op === 'amax' ? 0 : 1, 'bool');
  return keepdim ? value : dropDims(value, dims);
}

export const any = (x: Node, dim?: DimArgument, keepdim = false): Node =>
  truthReduce('amax', x, dim, keepdim, 'any');
export const all = (x: Node, dim?: DimArgument, keepdim = false): Node =>
  truthReduce('amin', x, dim, keepdim, 'all');

export const countNonzero = (x: Node, dim?: DimArgument): Node => sum(truth(x), dim);

const scanDType = (op: ScanOp, dtype: DType): DType =>
  op === 'cumsum' || op === 'cumprod' ? sumDType(dtype) : dtype;

/** Running reduction along a dimension. */
export function scan(op: ScanOp, x: Node, dim: number, dtype = scanDType(op, x.dtype)): Node {
  const d = normalizeDim(op, dim, x.shape);
  const input = cast(x, dtype);
  return x.shape.length === 0 ? input : record(op, [input], { dim: d }, x.shape, dtype);
}
