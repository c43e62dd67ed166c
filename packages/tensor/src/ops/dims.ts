/** Dimensions and sizes as users write them, brought to a normal form. */
import { ShapeError } from '../errors.js';

/** `[2, 3]`, as shapes stand in messages. */
export const showShape = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A dimension counted from the front. Negative ones count from the back; a shape of rank 0 has a dimension 0, as in PyTorch. */
export function normalizeDim(op: string, dim: number, shape: readonly number[]): number {
  const rank = Math.max(shape.length, 1);
  if (!Number.isInteger(dim) || dim < -rank || dim >= rank)
    throw new ShapeError(
      `${op}: dim ${dim} is out of range for shape ${showShape(shape)} (expected ${-rank} to ${rank - 1})`,
    );
  return dim < 0 ? dim + rank : dim;
}

/** Sorted dimensions of a reduction: all of them when `dim` is absent or empty. Of rank 0 there is none. */
export function normalizeDims(
  op: string,
  dim: number | readonly number[] | null | undefined,
  shape: readonly number[],
): number[] {
  if (dim === undefined || dim === null || (typeof dim === 'object' && dim.length === 0))
    return shape.map((_, d) => d);
  const given = (typeof dim === 'number' ? [dim] : dim).map((d) => normalizeDim(op, d, shape));
  const sorted = [...new Set(given)].sort((a, b) => a - b);
  if (sorted.length < given.length)
    throw new ShapeError(
      `${op}: a dimension appears twice in ${showShape(dim as number[])} for shape ${showShape(shape)}`,
    );
  return shape.length === 0 ? [] : sorted;
}

/** Throws ShapeError unless every size is an integer ≥ 0. */
export function checkSizes(op: string, shape: readonly number[]): void {
  for (const size of shape)
    if (!Number.isSafeInteger(size) || size < 0)
      throw new ShapeError(`${op}: sizes must be integers of at least 0, got ${showShape(shape)}`);
}

/** The shape that two shapes broadcast to; throws ShapeError naming `op` when they do not. */
export function broadcastShapes(op: string, a: readonly number[], b: readonly number[]): readonly number[] {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const x = i <= a.length ? a[a.length - i] : 1;
    const y = i <= b.length ? b[b.length - i] : 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new ShapeError(
        `${op}: shapes do not broadcast: ${showShape(a)} and ${showShape(b)} (${x} vs ${y} in dimension ${rank - i}; sizes must be equal or 1)`,
      );
    out[rank - i] = x === 1 ? y : x;
  }
  return out;
}
