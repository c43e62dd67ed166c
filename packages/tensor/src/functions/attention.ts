/** Attention. */

import { nodeOf, wrap } from '../methods/wrap.js';
import { attention as record } from '../ops/attention.js';
import { lowered } from '../ops/autocast.js';
import type { Tensor } from '../tensor.js';

export interface AttentionOptions {
  /** bool: true where a query sees a key; or of the dtype of the query, and added. Broadcasts to [b…, m, n]. */
  readonly mask?: Tensor | null;
  /** Query i sees the keys 0 … i. Not together with a mask. */
  readonly causal?: boolean;
  /** Factor of query·keyᵀ; 1/√d by default. */
  readonly scale?: number;
}

/**
 * softmax(query·keyᵀ·scale + mask)·value: query [b…, m, d], key [b…, n, d] and value [b…, n, e], of one float dtype, give [b…, m, e];
 * dimensions in front broadcast. A query that sees no key gives NaN. A device with a kernel for it never writes the m × n weights, neither
 * here nor for the gradients; of float16 it computes in float32 and rounds once, where single ops round each. Throws ShapeError, DTypeError,
 * ValueError. Vaswani et al., Attention is all you need, 2017.
 */
export function attention(query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions = {}): Tensor {
  const [q, k, v] = [query, key, value].map((t) => lowered(nodeOf('attention', t)));
  const { causal = false, scale = 1 / Math.sqrt(q.shape.at(-1) ?? 1) } = options;
  const mask = options.mask ? nodeOf('attention', options.mask) : null;
  return wrap(record(q, k, v, mask?.dtype === 'bool' ? mask : mask && lowered(mask), { scale, causal }));
}
