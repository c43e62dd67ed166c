/** Gradients of the movement ops: each is the op's transpose. */
import type { Tensor } from '@neurite/tensor';
import { filled, primitive, type Rules } from './rule.js';

type Movement = 'reshape' | 'permute' | 'expand' | 'slice' | 'pad' | 'concat';

/** Puts g[j] at start + j·step of `size` zeros along `dim`: what `slice` took, back where it was. */
function unslice(g: Tensor, dim: number, start: number, step: number, size: number): Tensor {
  const count = g.shape[dim];
  const stride = Math.abs(step);
  const first = step < 0 ? start + (count - 1) * step : start;
  const forward = step < 0 ? g.flip([dim]) : g;
  const spread = stride === 1 || count === 1 ? forward : zeroStuffed(forward, dim, stride);
  return padded(spread, dim, first, size - first - spread.shape[dim]);
}

/** `stride` − 1 zeros between neighbours along `dim`. */
function zeroStuffed(t: Tensor, dim: number, stride: number): Tensor {
  const before = t.shape.slice(0, dim);
  const after = t.shape.slice(dim + 1);
  const count = t.shape[dim];
  const gaps = padded(t.reshape([...before, count, 1, ...after]), dim + 1, 0, stride - 1);
  return gaps.reshape([...before, count * stride, ...after]).narrow(dim, 0, (count - 1) * stride + 1);
}

/** `low` and `high` elements `value` around dimension `dim`. */
export function padded(t: Tensor, dim: number, low: number, high: number, value = 0): Tensor {
  if (low === 0 && high === 0) return t;
  const padding = t.shape.map((_, d) => (d === dim ? ([low, high] as const) : ([0, 0] as const)));
  const shape = t.shape.map((n, d) => (d === dim ? low + n + high : n));
  return primitive('pad', [t], { padding, value }, shape);
}

export const movement: Rules<Movement> = {
  reshape: [(g, [a]) => g.reshape(a.shape)],
  permute: [(g, _, __, { dims }) => g.permute(dims.map((_d, i) => dims.indexOf(i)))],
  // Summed over the new dimensions and the repeated ones, as any gradient with broadcast dimensions is.
  expand: [(g) => g],
  slice: [
    (g, [a], _, { starts, steps }) =>
      g.numel === 0
        ? filled(a, 0)
        : a.shape.reduce((sum, size, dim) => unslice(sum, dim, starts[dim], steps[dim], size), g),
  ],
  pad: [
    (g, [a], _, { padding }) =>
      primitive('slice', [g], { starts: padding.map(([low]) => low), steps: padding.map(() => 1) }, a.shape),
  ],
  concat:
    (position) =>
    (g, inputs, _, { dim }) => {
      const offset = inputs.slice(0, position).reduce((sum, t) => sum + t.shape[dim], 0);
      return g.narrow(dim, offset, inputs[position].shape[dim]);
    },
};
