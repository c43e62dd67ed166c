/** Shapes change, values do not: the movement primitives and what is one step away from them. */
import { IndexError, ShapeError, ValueError } from '../errors.js';
import { NO_ATTRS, type Node, record, sizeOf } from '../graph/node.js';
import { storedValue } from './create.js';
import { checkSizes, normalizeDim, sameShape, showShape } from './dims.js';

/** The same elements in row-major order under another shape; one size may be −1. */
export function reshape(x: Node, sizes: readonly number[]): Node {
  const shape = inferShape(x, sizes);
  return sameShape(shape, x.shape) ? x : record('reshape', [x], NO_ATTRS, shape, x.dtype);
}

function inferShape(x: Node, sizes: readonly number[]): readonly number[] {
  const count = sizeOf(x.shape);
  const unknown = sizes.indexOf(-1);
  const fail = () =>
    new ShapeError(
      `reshape: shape ${showShape(sizes)} is invalid for input of size ${count} with shape ${showShape(x.shape)}`,
    );
  if (sizes.some((s, i) => !Number.isInteger(s) || (s < 0 && i !== unknown))) throw fail();
  if (unknown < 0) {
    if (sizeOf(sizes) !== count) throw fail();
    return [...sizes];
  }
  const known = sizeOf(sizes.filter((_, i) => i !== unknown));
  // With 0 among the known sizes −1 could be anything.
  if (known === 0 || count % known !== 0) throw fail();
  return sizes.map((s, i) => (i === unknown ? count / known : s));
}

/** Dimensions in a new order: dimension i of the result is dimension dims[i] of the input. */
export function permute(x: Node, dims: readonly number[]): Node {
  const order = dims.map((d) => normalizeDim('permute', d, x.shape));
  if (order.length !== x.shape.length || new Set(order).size !== order.length)
    throw new ShapeError(
      `permute: ${showShape(dims)} is no permutation of the ${x.shape.length} dimensions of ${showShape(x.shape)}`,
    );
  if (order.every((d, i) => d === i)) return x;
  return record(
    'permute',
    [x],
    { dims: order },
    order.map((d) => x.shape[d]),
    x.dtype,
  );
}

/** Exchanges two dimensions. */
export function transpose(x: Node, a: number, b: number): Node {
  const i = normalizeDim('transpose', a, x.shape);
  const j = normalizeDim('transpose', b, x.shape);
  if (i === j) return x;
  return permute(
    x,
    x.shape.map((_, d) => (d === i ? j : d === j ? i : d)),
  );
}

/** Broadcasts to a shape that is known to fit: new dimensions in front, sizes of 1 repeated. */
export function expandTo(x: Node, shape: readonly number[]): Node {
  return sameShape(x.shape, shape) ? x : record('expand', [x], NO_ATTRS, shape, x.dtype);
}

/** PyTorch's expand: dimensions of size 1 are repeated; −1 keeps a size. */
export function expand(x: Node, sizes: readonly number[], name = 'expand'): Node {
  const extra = sizes.length - x.shape.length;
  const shape = sizes.map((s, i) => (s === -1 && i >= extra ? x.shape[i - extra] : s));
  checkSizes(name, shape);
  if (extra < 0 || x.shape.some((s, i) => s !== 1 && s !== shape[i + extra]))
    throw new ShapeError(
      `${name}: shape ${showShape(x.shape)} does not expand to ${showShape(sizes)} (only dimensions of size 1 can be repeated)`,
    );
  return expandTo(x, shape);
}

/** Joins the dimensions from `start` to `end` into one. */
export function flatten(x: Node, start = 0, end = -1): Node {
  if (x.shape.length === 0) return reshape(x, [1]);
  const from = normalizeDim('flatten', start, x.shape);
  const to = normalizeDim('flatten', end, x.shape);
  if (from > to)
    throw new ShapeError(
      `flatten: start dim ${start} comes after end dim ${end} for shape ${showShape(x.shape)}`,
    );
  return reshape(x, [
    ...x.shape.slice(0, from),
    sizeOf(x.shape.slice(from, to + 1)),
    ...x.shape.slice(to + 1),
  ]);
}

/** Splits a dimension into several; one size may be −1. */
export function unflatten(x: Node, dim: number, sizes: readonly number[]): Node {
  const d = normalizeDim('unflatten', dim, x.shape);
  const known = sizeOf(sizes.filter((s) => s !== -1));
  const full = sizes.map((s) => (s === -1 ? x.shape[d] / known : s));
  if (sizeOf(full) !== x.shape[d])
    throw new ShapeError(
      `unflatten: sizes ${showShape(sizes)} do not multiply to ${x.shape[d]}, dim ${dim} of ${showShape(x.shape)}`,
    );
  return reshape(x, [...x.shape.slice(0, d), ...full, ...x.shape.slice(d + 1)]);
}

/** Drops dimensions of size 1: all, or those named. A named dimension of another size stays, as in PyTorch. */
export function squeeze(x: Node, dim?: number | readonly number[]): Node {
  if (dim === undefined)
    return reshape(
      x,
      x.shape.filter((s) => s !== 1),
    );
  const dims = (typeof dim === 'number' ? [dim] : dim).map((d) => normalizeDim('squeeze', d, x.shape));
  return reshape(
    x,
    x.shape.filter((s, d) => s !== 1 || !dims.includes(d)),
  );
}

/** Puts in a dimension of size 1. */
export function unsqueeze(x: Node, dim: number): Node {
  const d = normalizeDim('unsqueeze', dim, [...x.shape, 1]);
  return reshape(x, [...x.shape.slice(0, d), 1, ...x.shape.slice(d)]);
}

/** Moves dimensions to other places; the rest keep their order. */
export function movedim(
  x: Node,
  source: number | readonly number[],
  destination: number | readonly number[],
): Node {
  const from = [source].flat().map((d) => normalizeDim('movedim', d, x.shape));
  const to = [destination].flat().map((d) => normalizeDim('movedim', d, x.shape));
  if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length)
    throw new ShapeError(
      `movedim: source [${source}] and destination [${destination}] must be distinct dimensions of equal number for shape ${showShape(x.shape)}`,
    );
  const rest = x.shape.map((_, d) => d).filter((d) => !from.includes(d));
  return permute(
    x,
    x.shape.map((_, d) => (to.includes(d) ? from[to.indexOf(d)] : rest.shift()!)),
  );
}

/** Records a slice whose bounds are known to fit. */
function sliceDim(x: Node, dim: number, start: number, size: number, step: number): Node {
  if (start === 0 && step === 1 && size === x.shape[dim]) return x;
  return record(
    'slice',
    [x],
    {
      starts: x.shape.map((_, d) => (d === dim ? start : 0)),
      steps: x.shape.map((_, d) => (d === dim ? step : 1)),
    },
    x.shape.map((s, d) => (d === dim ? size : s)),
    x.dtype,
  );
}

/** `length` elements of a dimension from `start` on. */
export function narrow(x: Node, dim: number, start: number, length: number): Node {
  const d = normalizeDim('narrow', dim, x.shape);
  const from = start < 0 ? start + x.shape[d] : start;
  if (![from, length].every((v) => Number.isInteger(v) && v >= 0) || from + length > x.shape[d])
    throw new ShapeError(
      `narrow: start ${start} and length ${length} exceed dim ${dim} of shape ${showShape(x.shape)} (size ${x.shape[d]})`,
    );
  return sliceDim(x, d, from, length, 1);
}

/** Python's `x[start:end:step]` along a dimension: bounds are clipped, negative ones count from the end. */
export function slice(
  x: Node,
  dim: number,
  start: number | null = null,
  end: number | null = null,
  step = 1,
): Node {
  const d = normalizeDim('slice', dim, x.shape);
  if (!Number.isInteger(step) || step < 1)
    throw new ValueError(`slice: step must be an integer of at least 1, got ${step}`);
  const size = x.shape[d];
  const clip = (v: number) => Math.min(Math.max(v < 0 ? v + size : v, 0), size);
  const from = clip(start ?? 0);
  const to = clip(end ?? size);
  return sliceDim(x, d, from, Math.max(0, Math.ceil((to - from) / step)), step);
}

/** One element of a dimension, which then disappears. */
export function select(x: Node, dim: number, index: number): Node {
  const d = normalizeDim('select', dim, x.shape);
  const size = x.shape[d];
  if (x.shape.length === 0 || !Number.isInteger(index) || index < -size || index >= size)
    throw new IndexError(
      `select: index ${index} is out of range for dim ${dim} of shape ${showShape(x.shape)}`,
    );
  const one = sliceDim(x, d, index < 0 ? index + size : index, 1, 1);
  return reshape(
    one,
    one.shape.filter((_, i) => i !== d),
  );
}

/** Reverses the order along dimensions. */
export function flip(x: Node, dims: readonly number[]): Node {
  const flipped = dims.map((d) => normalizeDim('flip', d, x.shape));
  if (new Set(flipped).size !== flipped.length)
    throw new ShapeError(
      `flip: a dimension appears twice in ${showShape(dims)} for shape ${showShape(x.shape)}`,
    );
  return flipped.reduce((y, d) => (y.shape[d] > 1 ? sliceDim(y, d, y.shape[d] - 1, y.shape[d], -1) : y), x);
}

/** Constant padding, [low, high] per dimension; negative amounts crop. */
export function pad(x: Node, padding: readonly (readonly [number, number])[], value = 0): Node {
  if (padding.length !== x.shape.length)
    throw new ShapeError(
      `pad: ${padding.length} pairs for the ${x.shape.length} dimensions of shape ${showShape(x.shape)}`,
    );
  let y = x;
  padding.forEach(([low, high], d) => {
    const start = Math.max(-low, 0);
    const size = x.shape[d] - start - Math.max(-high, 0);
    if (!Number.isInteger(low) || !Number.isInteger(high) || size < 0)
      throw new ShapeError(`pad: [${low}, ${high}] does not fit dim ${d} of shape ${showShape(x.shape)}`);
    y = sliceDim(y, d, start, size, 1);
  });
  const added = padding.map(([low, high]) => [Math.max(low, 0), Math.max(high, 0)] as const);
  if (added.every(([low, high]) => low === 0 && high === 0)) return y;
  const shape = y.shape.map((s, d) => s + added[d][0] + added[d][1]);
  return record('pad', [y], { padding: added, value: storedValue(value, x.dtype) }, shape, x.dtype);
}

/** Stops gradients: the same value as a node without history. */
export const detach = (x: Node): Node => record('detach', [x], NO_ATTRS, x.shape, x.dtype);
