/** Autocast for authors of ops that are made of other ops. */

import type { Node } from '../graph/node.js';
import { wrap } from '../methods/wrap.js';
import { isAutocastEnabled, lowered, raised, widened } from '../ops/autocast.js';
import type { Tensor } from '../tensor.js';

export {
  type AutocastOptions,
  autocast,
  isAutocastEnabled,
  unlisted,
  withPresentAutocast,
} from '../ops/autocast.js';

type Operands = readonly (Tensor | null | undefined)[];

const LISTS: Readonly<Record<'float16' | 'float32' | 'widest', (nodes: readonly Node[]) => readonly Node[]>> =
  {
    float16: (nodes) => nodes.map(lowered),
    float32: (nodes) => nodes.map(raised),
    widest: widened,
  };

/**
 * Operands as an op takes them under `autocast` that is on the list for float16, for float32, or for the widest of its operands' dtypes;
 * outside of it, and where there is nothing to convert, the tensors themselves. Whoever writes an op of others begins with it:
 *
 *     [input, weight] = autocastOperands('float16', input, weight);
 */
export function autocastOperands<const T extends Operands>(
  list: 'float16' | 'float32' | 'widest',
  ...tensors: T
): { -readonly [K in keyof T]: T[K] } {
  if (!isAutocastEnabled()) return tensors as never;
  const nodes = LISTS[list](tensors.flatMap((t) => (t ? [t.node] : [])));
  let at = 0;
  return tensors.map((t) => {
    if (!t) return t;
    const node = nodes[at++];
    return node === t.node ? t : wrap(node);
  }) as never;
}
