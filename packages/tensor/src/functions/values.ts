/** Asking for values, of many tensors at once. */
import { observer, watched } from '../graph/observer.js';
import { nodeOf } from '../methods/wrap.js';
import { type Explanation, explainNode } from '../runtime/explain.js';
import { keepNodes, settleHandles } from '../runtime/pending.js';
import { realizeNodes } from '../runtime/realize.js';
import { stats as counters, type Stats } from '../runtime/stats.js';
import { updateHandles } from '../runtime/update.js';
import type { Tensor } from '../tensor.js';

/** Computes tensors in one plan. */
export const realize = (...tensors: readonly Tensor[]): Promise<void> =>
  realizeNodes(tensors.map((t) => nodeOf('realize', t)));

/** Marks pending tensors to be computed together with the next `update`. */
export const keep = (...tensors: readonly Tensor[]): void => keepNodes(tensors.map((t) => nodeOf('keep', t)));

/**
 * Marks tensors that were moved in place to values not computed yet (running statistics, copied weights): the next
 * `update` computes these too, from the values that it overwrites.
 */
export const settle = (...tensors: readonly Tensor[]): void => settleHandles(tensors);

/** One in-place write: `target` becomes a fresh leaf with the value of `value`. */
export interface Assignment {
  readonly target: Tensor;
  readonly value: Tensor;
}

/**
 * What an optimizer's step is: computes all values and everything kept in one plan, writes them in place, and moves each
 * target to a fresh leaf. A pending tensor that needs an old value afterwards throws StaleTensorError naming `by`.
 */
export const update = (assignments: readonly Assignment[], options: { by: string }): Promise<void> =>
  updateHandles(assignments, options.by);

/**
 * The value of a tensor of one element that a step has just computed, for state of the host that follows it. `compile` does not take it for a
 * read; null where it only looks and runs nothing.
 */
export const peek = (t: Tensor): Promise<number | null> =>
  observer?.dry ? Promise.resolve(null) : watched(null, () => t.item());

/** The fused kernels that compute a tensor, with cost and generated code. */
export const explain = (t: Tensor): Promise<Explanation> => explainNode(nodeOf('explain', t));

/** Counters since the process started or since `resetStats`. */
export const stats = (): Stats => ({ ...counters });
