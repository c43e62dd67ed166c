/** Movement steps of random graphs: pure functions of indices. */
import { cat } from '../functions/combine.js';
import type { Tensor } from '../tensor.js';
import type { GraphStep } from './graph-elementwise.js';
import { type GraphPool, type GraphValue, isAny } from './graph-values.js';

/** No tensor of a graph has more elements. */
export const MOST_ELEMENTS = 600;
const MOST_DIMS = 5;

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const ranked = (v: GraphValue) => v.tensor.ndim > 0;

function moved(p: GraphPool, x: GraphValue, text: string, made: Tensor, least = 0) {
  return p.add(`${text}(${x.name})`, made, Math.max(x.most, least), x.error, x.whole);
}

export const reshape: GraphStep = (p) => {
  const x = p.pick(isAny);
  if (!x) return undefined;
  const shape = [...x.tensor.shape];
  const d = p.draw(shape.length + 1);
  const choice = p.draw(4);
  if (choice === 0) shape.splice(d, 0, 1);
  else if (choice === 1 && shape.length > 1) {
    const at = p.draw(shape.length - 1);
    shape.splice(at, 2, shape[at] * shape[at + 1]);
  } else if (choice === 2 && d < shape.length) {
    const divisors = [2, 3, 4, 5].filter((k) => shape[d] % k === 0);
    if (divisors.length === 0 || shape[d] === 0) return undefined;
    const k = divisors[p.draw(divisors.length)];
    if (p.draw(2)) shape.splice(d, 1, k, shape[d] / k);
    else shape.splice(d, 1, shape[d] / k, k);
  } else shape.splice(0, shape.length, product(shape));
  if (shape.length > MOST_DIMS) return undefined;
  return moved(p, x, `reshape [${shape}]`, x.tensor.reshape(shape));
};

export const permute: GraphStep = (p) => {
  const x = p.pick((v) => v.tensor.ndim > 1);
  if (!x) return undefined;
  const left = x.tensor.shape.map((_, d) => d);
  const dims: number[] = [];
  while (left.length) dims.push(...left.splice(p.draw(left.length), 1));
  return moved(p, x, `permute [${dims}]`, (x.tensor as Tensor).permute(dims));
};

export const expand: GraphStep = (p) => {
  const x = p.pick((v) => v.tensor.ndim < MOST_DIMS);
  if (!x) return undefined;
  const shape = x.tensor.shape.map((s) => (s === 1 ? 1 + p.draw(4) : s));
  if (p.draw(2)) shape.unshift(p.draw(4));
  if (product(shape) > MOST_ELEMENTS) return undefined;
  return moved(p, x, `expand [${shape}]`, x.tensor.expand(shape));
};

export const slice: GraphStep = (p) => {
  const x = p.pick(ranked);
  if (!x) return undefined;
  const d = p.draw(x.tensor.ndim);
  const size = x.tensor.shape[d];
  const start = p.draw(size + 1);
  const end = start + p.draw(size - start + 1);
  const step = 1 + p.draw(3);
  return moved(p, x, `slice ${d} ${start}:${end}:${step}`, (x.tensor as Tensor).slice(d, start, end, step));
};

export const select: GraphStep = (p) => {
  const x = p.pick((v) => v.tensor.shape.some((s) => s > 0));
  if (!x) return undefined;
  const dims = x.tensor.shape.flatMap((s, d) => (s > 0 ? [d] : []));
  const d = dims[p.draw(dims.length)];
  const i = p.draw(x.tensor.shape[d]);
  return moved(p, x, `select ${d} ${i}`, (x.tensor as Tensor).select(d, i));
};

export const flip: GraphStep = (p) => {
  const x = p.pick(ranked);
  if (!x) return undefined;
  const dims = x.tensor.shape.flatMap((_, d) => (p.draw(2) ? [d] : []));
  return moved(p, x, `flip [${dims}]`, x.tensor.flip(dims));
};

export const roll: GraphStep = (p) => {
  const x = p.pick(ranked);
  if (!x) return undefined;
  const d = p.draw(x.tensor.ndim);
  const by = p.draw(7) - 3;
  return moved(p, x, `roll ${by} along ${d}`, x.tensor.roll(by, d));
};

export const pad: GraphStep = (p) => {
  const x = p.pick((v) => ranked(v) && v.tensor.dtype !== 'bool');
  if (!x) return undefined;
  const padding = x.tensor.shape.map(() =>
    p.draw(2) ? ([p.draw(3), p.draw(3)] as const) : ([0, 0] as const),
  );
  const value = p.draw(2) ? 0 : p.draw(3);
  const made = x.tensor.pad(padding, value);
  if (made.numel > MOST_ELEMENTS) return undefined;
  return moved(p, x, `pad ${JSON.stringify(padding)} with ${value}`, made, 2);
};

export const concat: GraphStep = (p) => {
  const x = p.pick(ranked);
  if (!x) return undefined;
  const d = p.draw(x.tensor.ndim);
  const fits = (v: GraphValue) =>
    v.tensor.dtype === x.tensor.dtype &&
    v.tensor.ndim === x.tensor.ndim &&
    v.tensor.shape.every((s, k) => k === d || s === x.tensor.shape[k]);
  const parts = [x];
  for (let k = 1 + p.draw(5); k > 0; k--) parts.push(p.pick(fits)!);
  const made: Tensor = cat(parts.map((v) => v.tensor) as Tensor[], d);
  if (made.numel > MOST_ELEMENTS) return undefined;
  return p.add(
    `cat(${parts.map((v) => v.name)}, dim ${d})`,
    made,
    Math.max(...parts.map((v) => v.most)),
    Math.max(...parts.map((v) => v.error)),
    parts.every((v) => v.whole),
  );
};

export const repeat: GraphStep = (p) => {
  const x = p.pick(ranked);
  if (!x) return undefined;
  const counts = x.tensor.shape.map(() => 1 + p.draw(2));
  if (x.tensor.numel * product(counts) > MOST_ELEMENTS) return undefined;
  return moved(p, x, `repeat [${counts}]`, x.tensor.repeat(counts));
};
