/** Python's `x[…]`: positions, slices, new dimensions, and tensors as NumPy's advanced indexing. */
import { ShapeError, ValueError } from '../errors.js';
import { leaf, Node } from '../graph/node.js';
import { hostStorage } from '../graph/storage.js';
import { full } from './create.js';
import { broadcastShapes, showShape } from './dims.js';
import { hostValues, indexSelect, wrapIndex } from './indexing.js';
import { add, mul } from './math.js';
import { expandTo, permute, reshape, select, slice, unsqueeze } from './movement.js';

interface SliceEntry {
  readonly start?: number | null;
  readonly stop?: number | null;
  readonly step?: number;
}
export type Entry = number | null | '...' | SliceEntry | Node;

/** Dimensions of the indexed tensor that an entry speaks of. */
function consumed(entry: Entry): number {
  if (entry === null || entry === '...') return 0;
  return entry instanceof Node && entry.dtype === 'bool' ? entry.shape.length : 1;
}

/** Applies entries from the first dimension on; missing ones take everything. */
export function getItem(x: Node, entries: readonly Entry[]): Node {
  const ellipsis = entries.indexOf('...');
  if (ellipsis !== entries.lastIndexOf('...')) throw new ValueError("at: '...' may stand only once");
  const rest = x.shape.length - entries.reduce<number>((n, e) => n + consumed(e), 0);
  if (rest < 0)
    throw new ShapeError(`at: ${entries.length} indices are too many for shape ${showShape(x.shape)}`);
  let y = x;
  let dim = 0;
  // Index vectors per dimension of y, found so far.
  const advanced = new Map<number, Node>();
  for (const entry of entries) {
    if (entry === '...') dim += rest;
    else if (entry === null) y = unsqueeze(y, dim++);
    else if (typeof entry === 'number') y = select(y, dim, entry);
    else if (!(entry instanceof Node)) y = slice(y, dim++, entry.start, entry.stop, entry.step);
    else if (entry.dtype === 'bool')
      for (const index of maskPositions(entry, y, dim)) advanced.set(dim++, index);
    else {
      advanced.set(dim, wrapIndex('at', entry, y.shape[dim]));
      dim++;
    }
  }
  return advanced.size ? takeAt(y, advanced) : y;
}

/** The positions of a mask's true elements, one vector per dimension of it. */
function maskPositions(mask: Node, x: Node, dim: number): Node[] {
  const values = hostValues(mask, (v) => v && truePositions(v).join());
  if (!values)
    throw new ValueError(
      'at: a bool index must be host data, because the shape follows from it; use where or maskedFill for computed masks',
    );
  if (mask.shape.some((s, d) => s !== x.shape[dim + d]))
    throw new ShapeError(
      `at: mask ${showShape(mask.shape)} does not fit shape ${showShape(x.shape)} at dim ${dim}`,
    );
  const hits = truePositions(values);
  let block = values.length;
  return mask.shape.map((size) => {
    block /= size || 1;
    return hostVector(hits.map((h) => Math.floor(h / block) % size));
  });
}

function truePositions(values: ArrayLike<number>): number[] {
  const hits: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i]) hits.push(i);
  return hits;
}

function hostVector(values: readonly number[]): Node {
  const data = Int32Array.from(values);
  return leaf(hostStorage('int32', data.length, new Uint8Array(data.buffer)), [data.length], null);
}

/**
 * Takes elements at tensors of positions. The index shapes broadcast; the result has that shape in place of the indexed
 * dimensions where these are neighbours, and in front where they are not.
 */
function takeAt(x: Node, advanced: ReadonlyMap<number, Node>): Node {
  const dims = [...advanced.keys()].sort((a, b) => a - b);
  const others = x.shape.map((_, d) => d).filter((d) => !advanced.has(d));
  const shape = dims.reduce<readonly number[]>(
    (s, d) => broadcastShapes('at', s, advanced.get(d)!.shape),
    [],
  );
  const flat = reshape(permute(x, [...dims, ...others]), [
    dims.reduce((n, d) => n * x.shape[d], 1),
    ...others.map((d) => x.shape[d]),
  ]);
  const linear = dims.reduce<Node | null>((sum, d) => {
    const index = advanced.get(d)!;
    return sum ? add(mul(sum, full([], x.shape[d], 'int32')), index) : index;
  }, null)!;
  const vector = reshape(expandTo(linear, shape), [-1]);
  const taken = reshape(indexSelect(flat, 0, vector, 'at'), [...shape, ...others.map((d) => x.shape[d])]);
  const neighbours = dims[dims.length - 1] - dims[0] === dims.length - 1;
  if (!neighbours) return taken;
  const before = others.filter((d) => d < dims[0]).length;
  const r = shape.length;
  const order = [
    ...others.slice(0, before).map((_, i) => r + i),
    ...shape.map((_, i) => i),
    ...others.slice(before).map((_, i) => r + before + i),
  ];
  return permute(taken, order);
}
