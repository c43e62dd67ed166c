/** Sorting and selection by size: values together with their positions. */
import { ShapeError } from '../errors.js';
import { type Node, record } from '../graph/node.js';
import { cast } from './cast.js';
import { full, iota } from './create.js';
import { normalizeDim, showShape } from './dims.js';
import { eq, where } from './elementwise.js';
import { gather } from './indexing.js';
import { logicalOr } from './logic.js';
import { isnan } from './math.js';
import { narrow, squeeze, unsqueeze } from './movement.js';
import { argExtreme, scan } from './reduce.js';

/** Values and their int32 positions along a dimension. */
export type ValuesAndIndices = [values: Node, indices: Node];

/** Extreme value along a dimension and where it first stands; its gradient goes to that place. */
export function extremeWithIndex(
  op: 'argmax' | 'argmin',
  x: Node,
  dim: number,
  keepdim = false,
): ValuesAndIndices {
  const name = op === 'argmax' ? 'max' : 'min';
  const indices = argExtreme(op, x.dtype === 'bool' ? cast(x, 'int32') : x, dim, true, name);
  if (x.shape.length === 0) return [x, indices];
  const values = gather(x, dim, indices);
  return keepdim ? [values, indices] : [squeeze(values, dim), squeeze(indices, dim)];
}

/** Running extreme along a dimension and its position: the last one on ties, as PyTorch. */
export function scanWithIndex(op: 'cummax' | 'cummin', x: Node, dim: number): ValuesAndIndices {
  const d = normalizeDim(op, dim, x.shape);
  const values = scan(op, x, dim);
  if (x.shape.length === 0) return [values, full([], 0, 'int32')];
  const here = logicalOr(eq(x, values), isnan(x));
  const position = iota(x.shape, d, 'int32');
  // Positions where a new extreme stands grow, so that their running maximum is the last one.
  return [values, scan('cummax', where(here, position, 0), d)];
}

/** Positions that sort along a dimension; equal elements keep their order, NaN counts as the greatest. */
export function argsort(x: Node, dim = -1, descending = false, name = 'argsort'): Node {
  const d = normalizeDim(name, dim, x.shape);
  return x.shape.length === 0
    ? full([], 0, 'int32')
    : record('argsort', [x], { dim: d, descending }, x.shape, 'int32');
}

export function sort(x: Node, dim = -1, descending = false): ValuesAndIndices {
  const indices = argsort(x, dim, descending, 'sort');
  return [gather(x, dim, indices), indices];
}

/** The k greatest (or least) elements along a dimension, in order. */
export function topk(x: Node, k: number, dim = -1, largest = true): ValuesAndIndices {
  const d = normalizeDim('topk', dim, x.shape);
  const ranked = x.shape.length === 0 ? unsqueeze(x, 0) : x;
  if (!Number.isInteger(k) || k < 0 || k > ranked.shape[d])
    throw new ShapeError(
      `topk: k = ${k} is out of range for dim ${dim} of shape ${showShape(x.shape)} (size ${ranked.shape[d]})`,
    );
  const indices = narrow(argsort(ranked, d, largest), d, 0, k);
  const values = gather(ranked, d, indices);
  return x.shape.length === 0 ? [squeeze(values), squeeze(indices)] : [values, indices];
}
