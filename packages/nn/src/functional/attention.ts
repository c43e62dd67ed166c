import { arange, attention, type Tensor, ValueError } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { constant } from '../like.js';
import { dropout } from './dropout.js';

export interface ScaledDotProductAttentionOptions {
  /** bool: true where a query takes part in a key's value; or of the query's dtype, and added to the scores. Broadcasts to [N…, L, S]. */
  attnMask?: Tensor | null;
  /** Probability of a weight to become zero. It is applied whenever it is not 0: pass 0 outside training. */
  dropoutP?: number;
  /** Query i sees the keys 0 … i; not together with `attnMask`. */
  isCausal?: boolean;
  /** Factor of query·keyᵀ: 1/√E by default. */
  scale?: number | null;
}

/**
 * softmax(query·keyᵀ·scale + mask)·value for query [N…, L, E], key [N…, S, E] and value [N…, S, Ev]: [N…, L, Ev]. Where the device has a
 * kernel for it and there is no dropout, the L × S weights are never written. A query that sees no key gives NaN.
 * https://pytorch.org/docs/2.0/generated/torch.nn.functional.scaled_dot_product_attention.html
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  ...rest: Arguments<ScaledDotProductAttentionOptions, ['attnMask', 'dropoutP', 'isCausal']>
): Tensor {
  const options = readArguments<ScaledDotProductAttentionOptions>(
    'scaledDotProductAttention',
    ['attnMask', 'dropoutP', 'isCausal'],
    ['scale'],
    rest,
  );
  const { attnMask: mask = null, dropoutP = 0, isCausal: causal = false } = options;
  if (mask && causal)
    throw new ValueError('scaledDotProductAttention: takes attnMask or isCausal: true, not both');
  const scale = options.scale ?? 1 / Math.sqrt(query.shape.at(-1) ?? 1);
  if (dropoutP === 0) return attention(query, key, value, { mask, causal, scale });
  const [rows, columns] = [query.shape.at(-2) ?? 1, key.shape.at(-2) ?? 1];
  const seen = causal ? arange(columns).unsqueeze(0).le(arange(rows).unsqueeze(1)) : mask;
  const scores = query.matmul(key.transpose(-2, -1)).mul(constant(query, scale));
  const masked =
    seen?.dtype === 'bool'
      ? scores.maskedFill(seen.logicalNot(), Number.NEGATIVE_INFINITY)
      : seen
        ? scores.add(seen)
        : scores;
  return dropout(masked.softmax(-1), dropoutP).matmul(value);
}
