/** Byte addresses of buffer elements. */
import { DTYPES, type Expr } from '@neurite/tensor';
import { type Context, laneStride, pointerKey, pointerTo } from './context.js';

/**
 * Pushes the address of the element that the point `offset` places after the first of this iteration accesses, and
 * returns what the memory instruction must add to it. `exact`: add nothing, for accesses that may not happen: only
 * what is reached must be a valid address.
 */
export function pushAddress(
  c: Context,
  buffer: number,
  index: Expr,
  offset: number,
  { exact }: { readonly exact: boolean },
): number {
  const { f } = c;
  const { bytes } = DTYPES[c.kernel.buffers[buffer].dtype];
  const stride = laneStride(c, index);
  const pointer = stride === undefined ? undefined : pointerTo(c, pointerKey(buffer, index));
  if (pointer) f.get(pointer.local);
  else {
    f.get(c.bases.get(buffer)!);
    // Elements a constant number of places apart share the index of the first.
    c.pushScalar(c, index, stride === undefined ? offset : 0);
    if (bytes > 1) {
      f.i32(31 - Math.clz32(bytes));
      f.op('i32.shl');
    }
    f.op('i32.add');
  }
  const added = (stride ?? 0) * offset * bytes;
  if (added >= 0 && !exact) return added;
  if (added !== 0) {
    f.i32(added);
    f.op('i32.add');
  }
  return 0;
}
