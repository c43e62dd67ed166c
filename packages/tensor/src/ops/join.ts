/** Joining tensors, taking them apart, repeating them. */
import { type DType, promoteTypes } from '../dtype.js';
import { ShapeError, ValueError } from '../errors.js';
import { type Node, record } from '../graph/node.js';
import { cast } from './cast.js';
import { checkSizes, normalizeDim, sameShape, showShape } from './dims.js';
import { expandTo, narrow, reshape, select, unsqueeze } from './movement.js';

/** Joins tensors along a dimension; dtypes are promoted. */
export function cat(tensors: readonly Node[], dim = 0, name = 'cat'): Node {
  if (tensors.length === 0) throw new ShapeError(`${name}: expected at least one tensor`);
  // PyTorch lets an empty tensor of rank 1 join anything: it becomes one of size 0 in `dim`.
  const isEmpty = (t: Node) => t.shape.length === 1 && t.shape[0] === 0;
  const first = tensors.find((t) => !isEmpty(t)) ?? tensors[0];
  if (first.shape.length === 0)
    throw new ShapeError(`${name}: tensors of rank 0 cannot be joined; use stack`);
  const d = normalizeDim(name, dim, first.shape);
  const none = first.shape.map((s, i) => (i === d ? 0 : s));
  const list = tensors.map((t) => (isEmpty(t) ? reshape(t, none) : t));
  for (const t of list)
    if (t.shape.length !== first.shape.length || t.shape.some((s, i) => i !== d && s !== first.shape[i]))
      throw new ShapeError(
        `${name}: sizes must match except in dim ${dim}: ${showShape(first.shape)} and ${showShape(t.shape)}`,
      );
  const dtype = tensors.reduce<DType>((p, t) => promoteTypes(p, t.dtype), tensors[0].dtype);
  const inputs = list.map((t) => cast(t, dtype));
  if (inputs.length === 1) return inputs[0];
  const total = inputs.reduce((n, t) => n + t.shape[d], 0);
  const shape = first.shape.map((s, i) => (i === d ? total : s));
  return record('concat', inputs, { dim: d }, shape, dtype);
}

/** Joins tensors of one shape along a new dimension. */
export function stack(tensors: readonly Node[], dim = 0): Node {
  for (const t of tensors)
    if (!sameShape(t.shape, tensors[0].shape))
      throw new ShapeError(
        `stack: shapes must be equal: ${showShape(tensors[0].shape)} and ${showShape(t.shape)}`,
      );
  return cat(
    tensors.map((t) => unsqueeze(t, dim)),
    tensors.length ? normalizeDim('stack', dim, [...tensors[0].shape, 1]) : 0,
    'stack',
  );
}

/** Pieces of the given sizes, or of one size with a smaller last piece. */
export function split(x: Node, sizes: number | readonly number[], dim = 0): Node[] {
  const d = normalizeDim('split', dim, x.shape);
  const total = x.shape[d];
  if (typeof sizes === 'number' && !(Number.isInteger(sizes) && sizes > 0))
    throw new ValueError(`split: the size of a piece must be a positive integer, got ${sizes}`);
  const list =
    typeof sizes === 'number'
      ? Array.from({ length: Math.max(1, Math.ceil(total / sizes)) }, (_, i) =>
          Math.min(sizes, total - i * sizes),
        )
      : sizes;
  if (list.reduce((a, b) => a + b, 0) !== total)
    throw new ShapeError(
      `split: sizes ${showShape(list)} do not sum to ${total}, dim ${dim} of ${showShape(x.shape)}`,
    );
  let start = 0;
  return list.map((size) => {
    start += size;
    return narrow(x, d, start - size, size);
  });
}

/** At most `count` pieces of equal size; the last one may be smaller. */
export function chunk(x: Node, count: number, dim = 0): Node[] {
  if (!Number.isInteger(count) || count < 1)
    throw new ValueError(`chunk: the number of pieces must be a positive integer, got ${count}`);
  const d = normalizeDim('chunk', dim, x.shape);
  return split(x, Math.max(1, Math.ceil(x.shape[d] / count)), d);
}

/** The slices along a dimension, without it. */
export function unbind(x: Node, dim = 0): Node[] {
  const d = normalizeDim('unbind', dim, x.shape);
  if (x.shape.length === 0) throw new ShapeError('unbind: a tensor of rank 0 has no dimension to unbind');
  return Array.from({ length: x.shape[d] }, (_, i) => select(x, d, i));
}

/** Repeats the whole tensor `counts[i]` times along dimension i; missing dimensions are put in front. */
export function repeat(x: Node, counts: readonly number[]): Node {
  checkSizes('repeat', counts);
  if (counts.length < x.shape.length)
    throw new ShapeError(
      `repeat: ${counts.length} counts for the ${x.shape.length} dimensions of shape ${showShape(x.shape)}`,
    );
  const shape = [...new Array<number>(counts.length - x.shape.length).fill(1), ...x.shape];
  const spread = reshape(
    x,
    shape.flatMap((s) => [1, s]),
  );
  const repeated = expandTo(
    spread,
    shape.flatMap((s, d) => [counts[d], s]),
  );
  return reshape(
    repeated,
    shape.map((s, d) => s * counts[d]),
  );
}

/** Like `repeat`, with missing counts being 1. */
export const tile = (x: Node, counts: readonly number[]): Node =>
  repeat(x, [...new Array<number>(Math.max(0, x.shape.length - counts.length)).fill(1), ...counts]);

/** Repeats each element `count` times along a dimension, or of the flattened tensor. */
export function repeatInterleave(x: Node, count: number, dim?: number): Node {
  checkSizes('repeatInterleave', [count]);
  if (dim === undefined) return repeatInterleave(reshape(x, [-1]), count, 0);
  const d = normalizeDim('repeatInterleave', dim, x.shape);
  const spread = unsqueeze(x, d + 1);
  const repeated = expandTo(
    spread,
    spread.shape.map((s, i) => (i === d + 1 ? count : s)),
  );
  return reshape(
    repeated,
    x.shape.map((s, i) => (i === d ? s * count : s)),
  );
}

/** Shifts elements along dimensions; what leaves at one end enters at the other. Without `dims` the flattened tensor. */
export function roll(x: Node, shifts: number | readonly number[], dims?: number | readonly number[]): Node {
  const by = [shifts].flat();
  if (dims === undefined) {
    if (by.length !== 1)
      throw new ShapeError(`roll: ${by.length} shifts without dims; give one dim per shift`);
    return reshape(roll(reshape(x, [-1]), by, 0), x.shape);
  }
  const along = [dims].flat();
  if (along.length !== by.length) throw new ShapeError(`roll: ${by.length} shifts for ${along.length} dims`);
  return along.reduce((y, dim, i) => {
    const d = normalizeDim('roll', dim, y.shape);
    const size = y.shape[d];
    const shift = size ? ((by[i] % size) + size) % size : 0;
    return shift ? cat([narrow(y, d, size - shift, shift), narrow(y, d, 0, size - shift)], d) : y;
  }, x);
}
