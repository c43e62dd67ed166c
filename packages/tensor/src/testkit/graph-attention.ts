/** Attention in random graphs, and its gradients: of operands that are shared, views of others, or broadcast. */
import { attention as attend } from '../functions/attention.js';
import { arange } from '../functions/create.js';
import { wrap } from '../methods/wrap.js';
import type { NamedAttrs } from '../ops/primitives.js';
import type { Tensor } from '../tensor.js';
import { type GraphStep, suits } from './graph-elementwise.js';
import { MOST_ELEMENTS } from './graph-movement.js';
import { type GraphPool, type GraphValue, isBool, isFloatValue, unitOf } from './graph-values.js';

/** Lengths of keys: within a block of a kernel, and beyond one. */
const LENGTHS = [1, 2, 3, 5, 8, 33];
/** Weights that two evaluations may give as differently as this say nothing. */
const MOST_CHANGE = 0.25;
/** Products of a float16 stay below. */
const MOST_HALF = 3e4;

const isMatrix = (v: GraphValue) => v.tensor.ndim > 1 && isFloatValue(v);
const frontOf = ({ tensor: { shape } }: GraphValue) => shape.slice(0, -2);

/** A matrix with `size` rows or columns (by `d`, of `other`), which is one there is, its transpose, or new. */
function drawOperand(
  p: GraphPool,
  beside: readonly GraphValue[],
  d: -1 | -2,
  size: number,
  other: number,
): GraphValue {
  const { dtype } = beside[0].tensor;
  const has = (v: GraphValue, dim: number) => v.tensor.shape.at(dim) === size;
  const fits = (v: GraphValue) =>
    isMatrix(v) &&
    v.tensor.dtype === dtype &&
    beside.every((x) => suits(frontOf(v), frontOf(x))) &&
    (has(v, -1) || has(v, -2));
  const x = (p.draw(4) > 0 && p.pick(fits)) || p.leaf(dtype, d === -1 ? [other, size] : [size, other]);
  if (has(x, d) && (!has(x, -3 - d) || p.draw(2))) return x;
  return { ...x, name: `${x.name}ᵀ`, tensor: (x.tensor as Tensor).transpose(-2, -1) };
}

/** A mask that leaves each query its first key; a bool one, or one that is added. */
function drawMask(p: GraphPool, q: GraphValue, m: number, n: number): GraphValue {
  const isAdded = p.draw(2) === 1;
  const { dtype } = q.tensor;
  const known = p.pick(
    (v) =>
      (isAdded ? v.tensor.dtype === dtype : isBool(v)) &&
      v.tensor.ndim <= 2 &&
      v.tensor.shape.every((s, i) => s === 1 || s === [m, n][i + 2 - v.tensor.ndim]),
  );
  const x = known ?? p.leaf(isAdded ? dtype : 'bool', [p.draw(3) ? m : 1, n]);
  if (isAdded) return x;
  return { ...x, name: `${x.name} or the first`, tensor: x.tensor.logicalOr(arange(n).eq(0)) };
}

export const attention: GraphStep = (p) => {
  const q = p.pick((v) => isMatrix(v) && v.tensor.shape.at(-1)! > 0);
  if (!q) return undefined;
  const [m, d] = q.tensor.shape.slice(-2);
  const k = p.draw(4) === 0 ? q : drawOperand(p, [q], -1, d, LENGTHS[p.draw(LENGTHS.length)]);
  const n = k.tensor.shape.at(-2)!;
  const v = p.draw(4) === 0 ? k : drawOperand(p, [q, k], -2, n, 1 + p.draw(6));
  const e = v.tensor.shape.at(-1)!;
  const kind = p.draw(3);
  const mask = kind === 2 && n > 0 ? drawMask(p, q, m, n) : null;
  const largest = d * q.most * k.most;
  // By default, or so small that weights are of one size.
  const scale = Math.min(1 / Math.sqrt(d), p.draw(2) && largest > 0 ? 2 / largest : 1);
  const options = { causal: kind === 1, scale, mask: mask?.tensor };
  const made = attend(q.tensor, k.tensor, v.tensor, options);
  const { dtype } = made;
  if (made.ndim > 5 || made.numel > 2 * MOST_ELEMENTS || (made.numel / (e || 1)) * n > 4 * MOST_ELEMENTS)
    return undefined;
  if (dtype === 'float16' && largest > MOST_HALF) return undefined;

  // Scores are sums of d products, and may differ by this much; exp makes factors of differences.
  const both = 2 * unitOf(dtype);
  const [most, apart] = mask && !isBool(mask) ? [mask.most, mask.error] : [0, 0];
  const score = scale * largest + most;
  const scores = scale * d * (q.error * k.most + k.error * q.most) + apart + both * (d + 4) * score;
  const change = Math.expm1(2 * scores + both * (16 + n));
  if (!(change < MOST_CHANGE)) return undefined;
  const seen = [options.causal ? 'causal' : '', mask ? `mask ${mask.name}` : ''].filter(Boolean);
  const call = [q.name, k.name, v.name, `scale ${scale}`, ...seen].join(', ');
  const error = v.error * (1 + change) + v.most * (change + both * (n + 2));
  const y = p.add(`attention(${call})`, made, v.most, error);
  if (!y || made.node.op !== 'named' || p.draw(2)) return y;

  const g =
    p.pick((x) => x.tensor.dtype === dtype && String(x.tensor.shape) === String(made.shape)) ??
    p.leaf(dtype, p.draw(2) ? made.shape : [e]);
  const { op, params } = made.node.attrs as NamedAttrs;
  const gradient = g.tensor.expand(made.shape).node;
  const isWanted = [0, 1, 2].map((i) => p.draw(3) > 0 || i === p.draw(3));
  const gradients = op.gradients!(gradient, made.node.inputs, made.node, params, isWanted);
  // Of the scores: weight · (g·vᵀ − delta) · scale, of which both are sums of e products.
  const product = e * g.most * v.most;
  if (dtype === 'float16' && 2 * product > MOST_HALF) return y;
  const products = e * (2 * g.error * v.most + g.most * (v.error + y.error)) + both * (e + 3) * 2 * product;
  const back = 2 * scale * product;
  const backs = change * back + (1 + change) * scale * products;
  const along = (x: GraphValue, count: number, terms: number) => ({
    most: count * back * x.most,
    error: count * (backs * x.most + (1 + change) * back * x.error + both * (terms + 4) * back * x.most),
  });
  const bounds = [
    along(k, 1, n),
    along(q, m, m),
    { most: m * g.most, error: m * (g.error * (1 + change) + g.most * (change + both * (m + 2))) },
  ];
  gradients.forEach((node, i) => {
    if (node)
      p.add(
        `gradient of ${'qkv'[i]} of ${y.name}, from ${g.name}`,
        wrap(node),
        bounds[i].most,
        bounds[i].error,
      );
  });
  return y;
};
