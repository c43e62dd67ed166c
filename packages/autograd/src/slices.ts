/**
 * Gradients of slices, put back where the slices were taken. Slices that lie side by side (the pieces of `split`, the time steps of a
 * sequence) make one concatenation; a sum of tensors padded with zeros would read and write the whole once for each of them.
 */
import { cat, type Node, type Tensor } from '@neurite/tensor';
import { padded } from './rules/movement.js';
import { primitive } from './rules/rule.js';

/** The gradient of `size` neighbouring elements along a dimension, from `start` on. */
export interface SliceGradient {
  readonly dim: number;
  readonly start: number;
  readonly gradient: Tensor;
  /** The slice. */
  readonly from: Node;
}

/** Where along one dimension a `slice` node takes neighbouring elements; undefined where it does anything else, or takes nothing. */
export function neighboursOf({ op, attrs, shape, inputs }: Node): { dim: number; start: number } | undefined {
  if (op !== 'slice' || shape.includes(0)) return undefined;
  const { starts, steps } = attrs as Node<'slice'>['attrs'];
  const cut = shape.flatMap((size, d) => (size === inputs[0].shape[d] && steps[d] === 1 ? [] : [d]));
  if (cut.length !== 1 || steps[cut[0]] !== 1) return undefined;
  return { dim: cut[0], start: starts[cut[0]] };
}

/** The sum of slices' gradients, each in its place among zeros of `shape`. */
export function putBack(slices: readonly SliceGradient[], shape: readonly number[]): Tensor {
  const sums = apart(slices).map((row) => inPlace(row, shape));
  return sums.reduce((sum, t) => sum.add(t));
}

const endOf = ({ dim, start, gradient }: SliceGradient): number => start + gradient.shape[dim];

/** Rows of slices that do not overlap, in the order of their places. */
function apart(slices: readonly SliceGradient[]): SliceGradient[][] {
  const rows: SliceGradient[][] = [];
  for (const s of [...slices].sort((a, b) => a.start - b.start)) {
    const row = rows.find((r) => r[0].dim === s.dim && endOf(r[r.length - 1]) <= s.start);
    if (row) row.push(s);
    else rows.push([s]);
  }
  return rows;
}

function inPlace(row: readonly SliceGradient[], shape: readonly number[]): Tensor {
  const [{ dim, start, gradient }] = row;
  if (row.length === 1) return padded(gradient, dim, start, shape[dim] - endOf(row[0]));
  const parts: Tensor[] = [];
  const zeros = (size: number) => {
    const gap = shape.map((n, d) => (d === dim ? size : n));
    if (size > 0) parts.push(primitive('full', [], { value: 0 }, gap, gradient.dtype));
  };
  let end = 0;
  for (const s of row) {
    zeros(s.start - end);
    parts.push(s.gradient);
    end = endOf(s);
  }
  zeros(shape[dim] - end);
  return cat(parts, dim);
}
