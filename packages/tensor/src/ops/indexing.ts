/** Reading and writing at positions given by tensors. */
import { type DType, isFloat, isInteger } from '../dtype.js';
import { DTypeError, IndexError, ShapeError, ValueError } from '../errors.js';
import { type Node, record, sizeOf } from '../graph/node.js';
import { type Look, type Outcome, observer } from '../graph/observer.js';
import { hostValuesOf } from '../graph/variable.js';
import { INTEGER_RANGE } from '../kernel/exact.js';
import { cast } from './cast.js';
import { full, iota, numberOperand } from './create.js';
import { broadcastShapes, normalizeDim, sameShape, showShape } from './dims.js';
import { eq, lt, type Operand, where } from './elementwise.js';
import { add, div, maximum } from './math.js';
import { expandTo, reshape, unsqueeze } from './movement.js';
import type { ScatterMode } from './primitives.js';

/** The values of a node that lie in host memory, or null. `decide` is what follows from them: a replay must decide the same. */
export function hostValues<T extends Outcome>(x: Node, decide: Look<T>): ArrayLike<number> | null {
  const values = hostValuesOf(x);
  if (observer) observer.inspects(x, decide, decide(values));
  return values;
}

function checkRange(
  op: string,
  values: ArrayLike<number> | null,
  size: number,
  low: number,
): values is ArrayLike<number> {
  if (!values) return false;
  for (let i = 0; i < values.length; i++)
    if (values[i] < low || values[i] >= size)
      throw new IndexError(
        `${op}: index ${values[i]} at position ${i} is out of range for a dimension of size ${size}`,
      );
  return true;
}

/** An index as int32. Positions that the host knows are checked against `size` now; others are clipped on the device. */
function checkIndex(op: string, index: Node, size: number, low = 0): Node {
  if (!isInteger(index.dtype))
    throw new DTypeError(
      `${op}: the index must be of an integer dtype, got ${index.dtype}; convert it with to('int32')`,
    );
  const check: Look<boolean> = (values) => checkRange(op, values, size, low);
  check(hostValues(index, check));
  return cast(index, 'int32');
}

/** Negative positions count from the end. */
export function wrapIndex(op: string, index: Node, size: number): Node {
  const checked = checkIndex(op, index, size, -size);
  if (hasNoNegative(hostValues(checked, hasNoNegative))) return checked;
  return where(lt(checked, 0), add(checked, full([], size, 'int32')), checked);
}

function hasNoNegative(values: ArrayLike<number> | null): boolean {
  if (!values) return false;
  for (let i = 0; i < values.length; i++) if (values[i] < 0) return false;
  return true;
}

/** index must not exceed `x` outside `dim`, and have its rank. */
function checkIndexShape(op: string, x: Node, index: Node, dim: number): void {
  const fits =
    index.shape.length === x.shape.length && index.shape.every((s, d) => d === dim || s <= x.shape[d]);
  if (!fits && !index.shape.includes(0))
    throw new ShapeError(
      `${op}: index ${showShape(index.shape)} must have the rank of ${showShape(x.shape)} and no larger size except in dim ${dim}`,
    );
}

const lift = (x: Node): Node => (x.shape.length === 0 ? reshape(x, [1]) : x);

/** out[i…] = x[i… with position `dim` replaced by index[i…]]. */
export function gather(x: Node, dim: number, index: Node): Node {
  const d = normalizeDim('gather', dim, x.shape);
  const shape = index.shape;
  const source = lift(x);
  const at = checkIndex('gather', lift(index), source.shape[d]);
  checkIndexShape('gather', source, at, d);
  return reshape(record('gather', [source, at], { dim: d }, at.shape, x.dtype), shape);
}

/** A copy of `x` with `source` combined in at `index` along `dim`. */
export function scatter(
  x: Node,
  dim: number,
  index: Node,
  source: Operand,
  wanted: ScatterMode = 'set',
  name = 'scatter',
): Node {
  const d = normalizeDim(name, dim, x.shape);
  const target = lift(x);
  const at = checkIndex(name, lift(index), target.shape[d]);
  checkIndexShape(name, target, at, d);
  const values = scatterSource(name, target, at, source);
  const mode = modeFor(x.dtype, wanted);
  return reshape(record('scatter', [target, at, values], { dim: d, mode }, target.shape, x.dtype), x.shape);
}

/** A sum of bools is their logical or, a product their logical and. */
const modeFor = (dtype: DType, mode: ScatterMode): ScatterMode =>
  dtype !== 'bool' ? mode : mode === 'add' ? 'max' : mode === 'mul' ? 'min' : mode;

function scatterSource(name: string, target: Node, index: Node, source: Operand): Node {
  if (typeof source === 'number') return expandTo(numberOperand(source, target.dtype), index.shape);
  requireDType(name, target, source);
  const values = lift(source);
  if (values.shape.length !== index.shape.length || index.shape.some((s, d) => s > values.shape[d]))
    throw new ShapeError(
      `${name}: index ${showShape(index.shape)} must fit into source ${showShape(values.shape)}`,
    );
  if (sameShape(values.shape, index.shape)) return values;
  const zeros = index.shape.map(() => 0);
  const ones = index.shape.map(() => 1);
  return record('slice', [values], { starts: zeros, steps: ones }, index.shape, values.dtype);
}

function requireDType(name: string, target: Node, source: Node): void {
  if (source.dtype !== target.dtype)
    throw new DTypeError(
      `${name}: source and target must have one dtype, got ${source.dtype} and ${target.dtype}; convert one with to(dtype)`,
    );
}

/** How `scatterReduce` combines what meets at one place. */
export type ReduceName = 'sum' | 'prod' | 'amax' | 'amin' | 'mean';
const REDUCE_MODE: Readonly<Record<ReduceName, ScatterMode>> = {
  sum: 'add',
  prod: 'mul',
  amax: 'max',
  amin: 'min',
  mean: 'add',
};

/** The value that changes nothing when it is combined. */
function identity(mode: ScatterMode, dtype: DType): number {
  if (mode === 'mul') return 1;
  if (mode === 'add' || dtype === 'bool') return mode === 'min' ? 1 : 0;
  const [low, high] = INTEGER_RANGE[dtype] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return mode === 'max' ? low : high;
}

/** The mode of `scatter`'s `reduce` option. */
export function scatterMode(reduce: string | undefined): ScatterMode {
  if (reduce === undefined) return 'set';
  if (reduce === 'add') return 'add';
  if (reduce === 'multiply') return 'mul';
  throw new ValueError(
    `scatter: reduce must be 'add' or 'multiply', got '${reduce}'; scatterReduce knows more`,
  );
}

/** `scatter` that combines by a reduction; without `includeSelf` the target's own elements only stay where nothing is written. */
export function scatterReduce(
  x: Node,
  dim: number,
  index: Node,
  source: Node,
  reduce: ReduceName,
  includeSelf = true,
): Node {
  const name = 'scatterReduce';
  const mode = REDUCE_MODE[reduce];
  if (!mode)
    throw new ValueError(
      `${name}: reduce must be one of ${Object.keys(REDUCE_MODE).join(', ')}, got '${reduce}'`,
    );
  const target = includeSelf ? x : scatter(x, dim, index, identity(mode, x.dtype), 'set', name);
  const combined = scatter(target, dim, index, source, mode, name);
  if (reduce !== 'mean') return combined;
  const one = full([], 1, x.dtype);
  const none = expandTo(full([], includeSelf ? 1 : 0, x.dtype), x.shape);
  const count = scatter(none, dim, index, expandTo(one, index.shape), 'add', name);
  return div(combined, maximum(count, one), isFloat(x.dtype) ? null : 'floor');
}

function checkIndexVector(op: string, index: Node, size: number): Node {
  const vector = lift(index);
  if (vector.shape.length !== 1)
    throw new ShapeError(`${op}: the index must be a vector, got shape ${showShape(index.shape)}`);
  return checkIndex(op, vector, size);
}

/** The slices of dimension `dim` that `index` (a vector) lists. */
export function indexSelect(x: Node, dim: number, index: Node, name = 'indexSelect'): Node {
  const d = normalizeDim(name, dim, x.shape);
  const source = lift(x);
  const at = checkIndexVector(name, index, source.shape[d]);
  const shape = source.shape.map((s, i) => (i === d ? at.shape[0] : s));
  const out = record('indexSelect', [source, at], { dim: d }, shape, x.dtype);
  return x.shape.length === 0 ? reshape(out, []) : out;
}

/** A copy of `x` with the slices of `source` combined in at the positions that `index` (a vector) lists. */
export function indexScatter(
  x: Node,
  dim: number,
  index: Node,
  source: Node,
  mode: ScatterMode,
  name: string,
): Node {
  const d = normalizeDim(name, dim, x.shape);
  const target = lift(x);
  const values = lift(source);
  const at = checkIndexVector(name, index, target.shape[d]);
  requireDType(name, x, source);
  const wanted = target.shape.map((s, i) => (i === d ? at.shape[0] : s));
  if (!sameShape(values.shape, wanted))
    throw new ShapeError(
      `${name}: source ${showShape(source.shape)} must have shape ${showShape(wanted)} for target ${showShape(x.shape)}`,
    );
  return reshape(
    record(
      'indexScatter',
      [target, at, values],
      { dim: d, mode: modeFor(x.dtype, mode) },
      target.shape,
      x.dtype,
    ),
    x.shape,
  );
}

/** gather with `x` and `index` broadcast against each other outside `dim`; without `dim` from the flattened tensor. */
export function takeAlongDim(x: Node, index: Node, dim?: number): Node {
  if (dim === undefined) return gather(reshape(x, [-1]), 0, reshape(index, [-1]));
  const d = normalizeDim('takeAlongDim', dim, x.shape);
  if (index.shape.length !== x.shape.length)
    throw new ShapeError(
      `takeAlongDim: index ${showShape(index.shape)} must have the rank of ${showShape(x.shape)}`,
    );
  const one = (shape: readonly number[]) => shape.map((s, i) => (i === d ? 1 : s));
  const shape = broadcastShapes('takeAlongDim', one(x.shape), one(index.shape));
  const sized = (size: number) => shape.map((s, i) => (i === d ? size : s));
  const at = wrapIndex('takeAlongDim', index, x.shape[d]);
  return gather(expandTo(x, sized(x.shape[d])), d, expandTo(at, sized(index.shape[d])));
}

/** Elements of the flattened tensor at the positions of `index`, in its shape. */
export function take(x: Node, index: Node): Node {
  const at = wrapIndex('take', index, sizeOf(x.shape));
  return reshape(indexSelect(reshape(x, [-1]), 0, reshape(at, [-1]), 'take'), index.shape);
}

/** One more than the largest value, at least 1; 0 where there are no values. */
function countClasses(values: ArrayLike<number> | null): number {
  if (!values?.length) return 0;
  let classes = 1;
  for (let i = 0; i < values.length; i++) classes = Math.max(classes, values[i] + 1);
  return classes;
}

/** int32 rows with a single 1. Without `numClasses` the index must be host data, and its maximum decides. */
export function oneHot(index: Node, numClasses = -1): Node {
  let classes = numClasses;
  if (classes === -1) {
    classes = countClasses(hostValues(index, countClasses));
    if (classes === 0)
      throw new ValueError(
        'oneHot: give numClasses; it follows from the values only for host data that is not empty',
      );
  }
  const at = checkIndex('oneHot', index, classes);
  return cast(eq(unsqueeze(at, -1), iota([classes], 0, 'int32')), 'int32');
}

/** A copy of `x` with one value at the positions that `index` (a vector) lists along `dim`. */
export function indexFill(x: Node, dim: number, index: Node, value: Operand): Node {
  const d = normalizeDim('indexFill', dim, x.shape);
  const fill = typeof value === 'number' ? numberOperand(value, x.dtype) : cast(value, x.dtype);
  if (fill.shape.length > 0)
    throw new ShapeError(
      `indexFill: the value must have rank 0, got shape ${showShape(fill.shape)} for ${showShape(x.shape)}`,
    );
  const shape = lift(x).shape.map((s, i) => (i === d ? sizeOf(index.shape) : s));
  const source = expandTo(fill, x.shape.length === 0 ? [] : shape);
  return indexScatter(x, d, index, source, 'set', 'indexFill');
}

/** `narrow` whose start is a computed integer. */
export function narrowAt(x: Node, dim: number, start: Node, length: number): Node {
  const d = normalizeDim('narrow', dim, x.shape);
  if (start.shape.length > 0 || !Number.isInteger(length) || length < 0 || length > (x.shape[d] ?? 1))
    throw new ShapeError(
      `narrow: a start of shape ${showShape(start.shape)} and length ${length} do not fit dim ${dim} of shape ${showShape(x.shape)}`,
    );
  const from = wrapIndex('narrow', start, x.shape[d] ?? 1);
  return indexSelect(x, d, add(iota([length], 0, 'int32'), from), 'narrow');
}
