import { noGrad, settle, type Tensor, update } from '@neurite/tensor';

/** Pending moves after which a buffer is computed without waiting for an optimizer. */
const MAX_PENDING = 8;
const moves = new WeakMap<Tensor, number>();

/**
 * Moves a buffer to a new value, outside the tape. The next optimizer step computes it in its own plan, so a
 * training loop pays nothing extra and step after step has the same plan. A loop of forward passes without
 * steps would chain one pending value to the next for ever, so every eighth move computes the buffer by
 * itself.
 */
export function moveBuffer(buffer: Tensor, value: Tensor): void {
  const pending = buffer.node.storage ? 1 : (moves.get(buffer) ?? 0) + 1;
  moves.set(buffer, pending);
  noGrad(() => buffer.copy_(value));
  settle(buffer);
  if (pending < MAX_PENDING) return;
  moves.delete(buffer);
  // A failure stays with the value: whoever reads the buffer, or what is made from it, gets the error.
  update([{ target: buffer, value: buffer }], { by: 'running statistics' }).catch(() => undefined);
}
