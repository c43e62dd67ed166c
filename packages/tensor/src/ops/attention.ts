/** Attention as named ops: softmax(q·kᵀ·scale + mask)·v and its gradients, each of which a device may have one kernel for. */
import type { DType } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { type Node, record, sizeOf } from '../graph/node.js';
import { cast } from './cast.js';
import { matmul } from './contraction.js';
import { iota } from './create.js';
import { broadcastShapes, sameShape, showShape } from './dims.js';
import { constant, le, where } from './elementwise.js';
import { add, mul, sub } from './math.js';
import { expandTo, transpose } from './movement.js';
import type { NamedOp } from './primitives.js';
import { requireFloat, sum } from './reduce.js';
import { logsumexp, softmax } from './statistics.js';

export interface AttentionParams {
  /** Factor of q·kᵀ. */
  readonly scale: number;
  /** Query i sees the keys 0 … i. */
  readonly causal: boolean;
}

type AttentionOp = NamedOp<AttentionParams>;

/** q·kᵀ·scale with the mask: [b…, m, n]. */
function scores(q: Node, k: Node, mask: Node | undefined, { scale, causal }: AttentionParams): Node {
  const product = mul(matmul(q, transpose(k, -2, -1)), constant(q, scale));
  const hidden = constant(q, Number.NEGATIVE_INFINITY);
  if (causal) {
    const [m, n] = product.shape.slice(-2);
    return where(le(iota([m, n], 1, 'int32'), iota([m, n], 0, 'int32')), product, hidden);
  }
  if (!mask) return product;
  return mask.dtype === 'bool' ? where(mask, product, hidden) : add(product, mask);
}

/** What goes between the kernels of the gradients, a number for each query, is not rounded to float16. */
const betweenKernels = ({ dtype }: Node): DType => (dtype === 'float16' ? 'float32' : dtype);

/** What all gradients read: weights P = softmax(scores) and P∘(g·vᵀ − delta)·scale, by rows of queries. */
function backward([q, k, v, g, , delta, mask]: readonly Node[], params: AttentionParams) {
  const weights = softmax(scores(q, k, mask, params), -1);
  const change = mul(weights, sub(matmul(g, transpose(v, -2, -1)), cast(delta, g.dtype)));
  return { weights, change: mul(change, constant(q, params.scale)) };
}

/** Two products of the forward pass, or two products of it again and the gradient's own. */
const flopsOf =
  (products: (d: number, e: number) => number) =>
  ([q, k, v]: readonly (readonly number[])[]): number => {
    const [d, e] = [q.at(-1)!, v.at(-1)!];
    return 2 * sizeOf(q.slice(0, -1)) * k.at(-2)! * products(d, e);
  };

/** q, k, v, mask? → the output. */
const ATTENTION: AttentionOp = {
  name: 'attention',
  kernel: 'attention',
  decompose: ([q, k, v, mask], params) => matmul(softmax(scores(q, k, mask, params), -1), v),
  gradients(g, inputs, output, params, isWanted) {
    const [q, k, v, ...mask] = inputs;
    // The kernels of the gradients make the weights again: from the logarithm of each row's sum of exponentials.
    const dtype = betweenKernels(q);
    const rows = record('named', inputs, { op: LOG_SUM_EXP, params }, [...q.shape.slice(0, -1), 1], dtype);
    const delta = sum(mul(cast(g, dtype), cast(output, dtype)), -1, true);
    const all = [q, k, v, g, rows, delta, ...mask];
    return inputs.map((input, i) =>
      isWanted[i] && i < 3
        ? record('named', all, { op: GRADIENTS[i], params }, input.shape, input.dtype)
        : null,
    );
  },
  flops: flopsOf((d, e) => d + e),
};

/** q, k, v, mask? → log Σ exp of each row of scores, [b…, m, 1]. It reads v so that it can be an output of the kernel of attention. */
const LOG_SUM_EXP: AttentionOp = {
  name: 'attentionLogSumExp',
  kernel: 'attention',
  decompose: ([q, k, , mask], params) =>
    cast(logsumexp(scores(q, k, mask, params), -1, true), betweenKernels(q)),
  flops: flopsOf((d) => d),
};

/**
 * q, k, v, g, log-sum-exp, delta, mask? → gradients of q, k, v, where g is the gradient of the output and delta the sum of g∘output by
 * rows (Dao, FlashAttention-2, 2023). Of a row's weights the decompositions make softmax, as the forward pass does.
 */
const GRADIENTS: readonly AttentionOp[] = [
  {
    name: 'attentionGradQuery',
    kernel: 'attentionGradQuery',
    decompose: (inputs, params) => matmul(backward(inputs, params).change, inputs[1]),
    flops: flopsOf((d, e) => 2 * d + e),
  },
  {
    name: 'attentionGradKey',
    kernel: 'attentionGradKeyValue',
    decompose: (inputs, params) => matmul(transpose(backward(inputs, params).change, -2, -1), inputs[0]),
    flops: flopsOf((d, e) => 2 * d + e),
  },
  {
    name: 'attentionGradValue',
    kernel: 'attentionGradKeyValue',
    decompose: (inputs, params) => matmul(transpose(backward(inputs, params).weights, -2, -1), inputs[3]),
    flops: flopsOf((d, e) => d + e),
  },
];

/**
 * softmax(q·kᵀ·scale + mask)·v for q [b…, m, d], k [b…, n, d], v [b…, n, e] → [b…, m, e]; dimensions in front broadcast. A bool mask
 * says which keys a query sees, a mask of the dtype of q is added; both broadcast to [b…, m, n].
 */
export function attention(q: Node, k: Node, v: Node, mask: Node | null, params: AttentionParams): Node {
  requireFloat('attention', q);
  const shapes = `query ${showShape(q.shape)}, key ${showShape(k.shape)}, value ${showShape(v.shape)}`;
  const fail = (what: string) => new ShapeError(`attention: ${what}: ${shapes}`);
  if ([q, k, v].some(({ shape }) => shape.length < 2)) throw fail('all need at least 2 dimensions');
  if (k.dtype !== q.dtype || v.dtype !== q.dtype)
    throw new DTypeError(
      `attention: query, key and value must have one dtype, got ${q.dtype}, ${k.dtype}, ${v.dtype}`,
    );
  const [[m, d], [n, width], [rows, e]] = [q, k, v].map(({ shape }) => shape.slice(-2));
  if (d !== width) throw fail(`query and key differ in their last size (${d} vs ${width})`);
  if (n !== rows) throw fail(`key and value differ in length (${n} vs ${rows})`);
  const fronts = [q, k, v].map(({ shape }) => shape.slice(0, -2));
  let [batch]: readonly (readonly number[])[] = fronts;
  for (const front of fronts)
    if (!sameShape(front, batch)) batch = broadcastShapes('attention', batch, front);
  const inputs = [
    expandTo(q, [...batch, m, d]),
    expandTo(k, [...batch, n, d]),
    expandTo(v, [...batch, n, e]),
  ];
  if (mask) {
    if (params.causal) throw new ValueError('attention: takes a mask or causal: true, not both');
    if (mask.dtype !== 'bool' && mask.dtype !== q.dtype)
      throw new DTypeError(`attention: the mask must be bool or ${q.dtype}, got ${mask.dtype}`);
    const full = [...batch, m, n];
    if (!sameShape(broadcastShapes('attention', mask.shape, full), full))
      throw new ShapeError(
        `attention: mask ${showShape(mask.shape)} does not broadcast to ${showShape(full)}`,
      );
    inputs.push(expandTo(mask, full));
  }
  const attrs = { op: ATTENTION as NamedOp, params };
  const shape = [...batch, m, e];
  return inputs.some((input) => input.shape.includes(0))
    ? ATTENTION.decompose(inputs, params)
    : record('named', inputs, attrs, shape, q.dtype);
}
