/** Comparing results with expectations, element by element. */
import { fromHalfBits, Tensor } from '@neurite/tensor';
import type { HostTensor } from './vectors.js';

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** Null where they agree, otherwise the first difference in words. */
export async function compareTensor(
  got: unknown,
  want: HostTensor,
  tol: Tolerance,
  what: string,
): Promise<string | null> {
  if (!(got instanceof Tensor))
    return `${what}: expected a tensor, got ${got === null ? 'null' : typeof got}`;
  if (got.dtype !== want.dtype) return `${what}: dtype ${got.dtype}, expected ${want.dtype}`;
  if (
    got.shape.length !== want.shape.length ||
    got.shape.some((s: number, i: number) => s !== want.shape[i])
  ) {
    return `${what}: shape [${got.shape.join(', ')}], expected [${want.shape.join(', ')}]`;
  }
  const data = await got.data();
  const exact = want.dtype !== 'float32' && want.dtype !== 'float64' && want.dtype !== 'float16';
  for (let i = 0; i < want.data.length; i++) {
    const w = want.dtype === 'float16' ? fromHalfBits(want.data[i]) : want.data[i];
    const g = data[i];
    if (Object.is(g, w) || g === w || (Number.isNaN(g) && Number.isNaN(w))) continue;
    if (!exact && Number.isFinite(w) && Math.abs(g - w) <= tol.atol + tol.rtol * Math.abs(w)) continue;
    return `${what}: element ${i} is ${g}, expected ${w}`;
  }
  return null;
}

/** Tensors of a result in order, tuples in tuples flattened; other values stay. */
export function flatten(result: unknown): unknown[] {
  if (result instanceof Tensor) return [result];
  if (Array.isArray(result)) return result.flatMap(flatten);
  if (result && typeof result === 'object' && Symbol.iterator in result)
    return [...(result as Iterable<unknown>)].flatMap(flatten);
  if (result && typeof result === 'object') return Object.values(result).flatMap(flatten);
  return [result];
}
