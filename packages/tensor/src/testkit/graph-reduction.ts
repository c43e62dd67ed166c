/** Steps of random graphs that have loops of their own: reductions, scans, products, convolutions, indexing, sorting. */
import { conv } from '../functions/combine.js';
import { tensor } from '../functions/create.js';
import type { Tensor } from '../tensor.js';
import type { GraphStep } from './graph-elementwise.js';
import { MOST_ELEMENTS } from './graph-movement.js';
import {
  type GraphPool,
  type GraphValue,
  isBool,
  isExact,
  isFloatValue,
  isInt,
  isNumber,
  unitOf,
} from './graph-values.js';

const ranked = (v: GraphValue) => v.tensor.ndim > 0;
const unitsOf = (v: GraphValue) => 16 * unitOf(v.tensor.dtype);

/** Some dimensions, and how many elements they reduce to one. */
function drawDims(p: GraphPool, { tensor: { shape } }: GraphValue): { dims: number[]; count: number } {
  const chosen = shape.flatMap((_, d) => (p.draw(2) ? [d] : []));
  const dims = chosen.length ? chosen : [p.draw(shape.length)];
  return { dims, count: dims.reduce((n, d) => n * shape[d], 1) };
}

export const reduce: GraphStep = (p) => {
  const x = p.pick((v) => ranked(v) && isNumber(v));
  if (!x) return undefined;
  const { dims, count } = drawDims(p, x);
  const keepdim = p.draw(2) === 1;
  const t: Tensor = x.tensor;
  const text = (name: string) => `${name}(${x.name}, [${dims}]${keepdim ? ', keepdim' : ''})`;
  const options = { keepdim };
  const rounding = count * unitsOf(x);
  switch (p.draw(8)) {
    case 0:
    case 1:
      return p.add(
        text('sum'),
        t.sum(dims, options),
        count * x.most,
        x.whole && x.error === 0 ? 0 : count * x.error + rounding * x.most,
        x.whole,
      );
    case 2:
      if (count === 0) return undefined;
      return p.add(text('amax'), t.amax(dims, options), x.most, x.error, x.whole);
    case 3:
      if (count === 0) return undefined;
      return p.add(text('amin'), t.amin(dims, options), x.most, x.error, x.whole);
    case 4: {
      // Factors of at most 2, few of them.
      const d = dims[0];
      const n = t.shape[d];
      if (n > 8) return undefined;
      const small = isFloatValue(x) ? t.clamp(-2, 2) : t;
      const most = 2 ** n;
      return p.add(
        `prod(${x.name} clamped, ${d})`,
        small.prod(d, options),
        isFloatValue(x) ? most : 2 ** 32,
        n * most * (x.error + unitsOf(x)),
        x.whole && x.error === 0,
      );
    }
    case 5:
      if (count === 0 || !isFloatValue(x)) return undefined;
      return p.add(text('mean'), t.mean(dims, options), x.most, x.error + rounding * x.most);
    case 6:
      if (count === 0 || !isFloatValue(x)) return undefined;
      return p.add(
        text('var'),
        t.var(dims, { ...options, correction: 0 }),
        4 * x.most ** 2,
        8 * x.most * (x.error + rounding * x.most),
      );
    default:
      if (count === 0 || !isFloatValue(x)) return undefined;
      return p.add(
        text('logsumexp'),
        t.logsumexp(dims, options),
        x.most + Math.log(count),
        x.error + rounding + unitsOf(x) * x.most,
      );
  }
};

export const position: GraphStep = (p) => {
  const x = p.pick((v) => ranked(v) && isExact(v) && isNumber(v) && v.tensor.numel > 0);
  if (!x) return undefined;
  const d = p.draw(x.tensor.ndim);
  const t: Tensor = x.tensor;
  switch (p.draw(3)) {
    case 0:
      return p.add(`argmax(${x.name}, ${d})`, t.argmax(d), 600);
    case 1:
      return p.add(`argmin(${x.name}, ${d}, keepdim)`, t.argmin(d, { keepdim: true }), 600);
    default: {
      const descending = p.draw(2) === 1;
      return p.add(`argsort(${x.name}, ${d}, descending ${descending})`, t.argsort(d, { descending }), 600);
    }
  }
};

export const quantifier: GraphStep = (p) => {
  const x = p.pick((v) => ranked(v) && isBool(v));
  if (!x) return undefined;
  const { dims } = drawDims(p, x);
  const t: Tensor = x.tensor;
  if (p.draw(3) === 0) return p.add(`sum(${x.name}, [${dims}])`, t.sum(dims), 600);
  return p.draw(2)
    ? p.add(`any(${x.name}, [${dims}])`, t.any(dims), 1)
    : p.add(`all(${x.name}, [${dims}])`, t.all(dims), 1);
};

export const softmax: GraphStep = (p) => {
  const x = p.pick((v) => ranked(v) && isFloatValue(v));
  if (!x) return undefined;
  const d = p.draw(x.tensor.ndim);
  const count = x.tensor.shape[d];
  const error = 2 * x.error + unitsOf(x) * (count + 2 * x.most);
  return p.draw(2)
    ? p.add(`softmax(${x.name}, ${d})`, x.tensor.softmax(d), 1, error)
    : p.add(`logSoftmax(${x.name}, ${d})`, x.tensor.logSoftmax(d), 2 * x.most + Math.log(count + 1), error);
};

export const scan: GraphStep = (p) => {
  const x = p.pick((v) => ranked(v) && isNumber(v));
  if (!x) return undefined;
  const d = p.draw(x.tensor.ndim);
  const n = x.tensor.shape[d];
  const t: Tensor = x.tensor;
  if (p.draw(3) > 0) {
    const error = x.whole && x.error === 0 ? 0 : n * (x.error + n * unitsOf(x) * x.most);
    return p.add(`cumsum(${x.name}, ${d})`, t.cumsum(d), n * x.most, error, x.whole);
  }
  if (!isExact(x)) return undefined;
  const both = p.draw(2) ? t.cummax(d) : t.cummin(d);
  p.add(`cummax or cummin(${x.name}, ${d}) values`, both[0] as Tensor, x.most, 0, x.whole);
  return p.add(`cummax or cummin(${x.name}, ${d}) indices`, both[1] as Tensor, 600);
};

export const matmul: GraphStep = (p) => {
  const x = p.pick((v) => ranked(v) && (isFloatValue(v) || isInt(v)));
  if (!x) return undefined;
  const k = x.tensor.shape[x.tensor.ndim - 1];
  const rows = (v: GraphValue) =>
    v.tensor.ndim === 1 ? v.tensor.shape[0] : v.tensor.shape[v.tensor.ndim - 2];
  const sameBatch = (v: GraphValue) =>
    v.tensor.ndim <= 2 || String(v.tensor.shape.slice(0, -2)) === String(x.tensor.shape.slice(0, -2));
  const known =
    p.draw(3) > 0 &&
    p.pick((v) => v.tensor.dtype === x.tensor.dtype && ranked(v) && rows(v) === k && sameBatch(v));
  const y = known || p.leaf(x.tensor.dtype, p.draw(4) ? [k, p.draw(6)] : [k]);
  const made: Tensor = (x.tensor as Tensor).matmul(y.tensor as Tensor);
  if (made.numel > 2 * MOST_ELEMENTS) return undefined;
  const whole = x.whole && y.whole;
  const most = k * x.most * y.most;
  const error =
    whole && x.error + y.error === 0 ? 0 : k * (x.error * y.most + y.error * x.most + unitsOf(x) * most);
  return p.add(`matmul(${x.name}, ${y.name})`, made, most, error, whole);
};

export const convolution: GraphStep = (p) => {
  const x = p.pick((v) => ranked(v) && isFloatValue(v) && v.tensor.numel > 0);
  if (!x) return undefined;
  const { shape, ndim, numel } = x.tensor;
  const input = ndim === 3 || ndim === 4 ? [...shape] : [1, shape[0], numel / shape[0]];
  const spatial = input.length - 2;
  const list = (f: () => number) => Array.from({ length: spatial }, f);
  const inputDilation = list(() => (p.draw(4) === 0 ? 2 : 1));
  const dilation = list(() => 1 + p.draw(2));
  const stride = list(() => 1 + p.draw(2));
  const padding = list(() => 0).map(() => [p.draw(3), p.draw(3)] as const);
  const groups = p.draw(3) === 0 ? input[1] : 1;
  const kernel = list(() => 1 + p.draw(3)).map((size, d) => {
    const padded = (input[d + 2] - 1) * inputDilation[d] + 1 + padding[d][0] + padding[d][1];
    return (size - 1) * dilation[d] + 1 <= padded ? size : 1;
  });
  const weight = p.leaf(x.tensor.dtype, [groups * (1 + p.draw(3)), input[1] / groups, ...kernel]);
  const made = conv(x.tensor.reshape(input), weight.tensor, {
    stride,
    padding,
    dilation,
    inputDilation,
    groups,
  });
  if (made.numel > 2 * MOST_ELEMENTS) return undefined;
  const taps = weight.tensor.numel / weight.tensor.shape[0];
  const most = taps * x.most * weight.most;
  const whole = x.whole && weight.whole;
  const error = whole && x.error === 0 ? 0 : taps * (x.error * weight.most + unitsOf(x) * most);
  const geometry = JSON.stringify({ stride, padding, dilation, inputDilation, groups });
  return p.add(`conv(${x.name} as [${input}], ${weight.name}, ${geometry})`, made, most, error, whole);
};

/** Positions below `size`, or computed ones of which some lie outside where nothing is read or written. */
function indices(p: GraphPool, shape: readonly number[], size: number): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  const known = p.pick((v) => isInt(v) && String(v.tensor.shape) === String(shape));
  if (known) return (known.tensor as Tensor).remainder(size + 1);
  const list = Array.from({ length: count }, () => p.draw(Math.max(1, size)));
  return tensor(list, { dtype: 'int32', shape }) as Tensor;
}

export const indexed: GraphStep = (p) => {
  const x = p.pick((v) => ranked(v) && isNumber(v) && v.tensor.numel > 0);
  if (!x) return undefined;
  const t: Tensor = x.tensor;
  const d = p.draw(t.ndim);
  const size = t.shape[d];
  switch (p.draw(4)) {
    case 0: {
      const index = indices(p, [p.draw(6)], size);
      const made = t.indexSelect(d, index as Tensor<readonly number[], 'int32'>) as Tensor;
      return p.add(`indexSelect(${x.name}, ${d}, [${index.shape}])`, made, x.most, x.error, x.whole);
    }
    case 1: {
      const shape = t.shape.map((s, k) => (k === d ? 1 + p.draw(4) : 1 + p.draw(s)));
      return p.add(
        `gather(${x.name}, ${d}, [${shape}])`,
        t.gather(d, indices(p, shape, size)),
        x.most,
        x.error,
        x.whole,
      );
    }
    default: {
      const n = p.draw(5);
      const shape = t.shape.map((s, k) => (k === d ? n : s));
      const scattered = p.draw(2) === 0;
      const index = indices(p, scattered ? shape : [n], size) as Tensor<readonly number[], 'int32'>;
      const source =
        p.pick((v) => v.tensor.dtype === t.dtype && String(v.tensor.shape) === String(shape)) ??
        p.leaf(t.dtype, shape);
      const made = scattered ? t.scatterAdd(d, index, source.tensor) : t.indexAdd(d, index, source.tensor);
      const most = x.most + n * source.most;
      const whole = x.whole && source.whole;
      const error =
        whole && x.error + source.error === 0 ? 0 : x.error + n * (source.error + unitsOf(x) * most);
      return p.add(
        `${scattered ? 'scatterAdd' : 'indexAdd'}(${x.name}, ${d}, [${index.shape}], ${source.name})`,
        made,
        most,
        error,
        whole,
      );
    }
  }
};

export const oneHot: GraphStep = (p) => {
  const x = p.pick((v) => isInt(v) && v.tensor.numel <= 60 && v.tensor.ndim < 4);
  if (!x) return undefined;
  return p.add(`oneHot(${x.name} mod 5)`, x.tensor.remainder(5).oneHot(5), 1);
};

export const sorted: GraphStep = (p) => {
  const x = p.pick((v) => ranked(v) && isExact(v) && v.tensor.numel > 0 && isNumber(v));
  if (!x) return undefined;
  const d = p.draw(x.tensor.ndim);
  return p.add(`sort(${x.name}, ${d})`, x.tensor.sort(d)[0] as Tensor, x.most, 0, x.whole);
};
