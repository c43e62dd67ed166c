/** Gradients of matmul and conv. */
import type { ConvAttrs, Tensor } from '@neurite/tensor';
import { type InputRule, primitive, type Rules } from './rule.js';

const transposed = (t: Tensor): Tensor => t.transpose(-2, -1);

/** Elements that a kernel of `taps` spans. */
const extent = (taps: number, dilation: number): number => (taps - 1) * dilation + 1;

/** [g·a, b, …] → [g·b, a, …]: swaps the two channel dimensions within each group. */
function swapWithinGroups(t: Tensor, groups: number): Tensor {
  const [ga, b, ...rest] = t.shape;
  return t
    .reshape([groups, ga / groups, b, ...rest])
    .transpose(1, 2)
    .reshape([groups * b, ga / groups, ...rest]);
}

/**
 * A convolution of the gradient with the flipped kernel: what was the stride spreads the gradient, what spread the input
 * is the stride. The padding makes output position p read the taps that touched input position p; where the forward pass
 * cropped, it reads zeros.
 */
const convInput: InputRule<'conv'> = (g, [input, weight], _, attrs) => {
  const { stride, padding, dilation, inputDilation, groups } = attrs;
  const spatial = stride.map((_s, d) => d + 2);
  const geometry: ConvAttrs = {
    stride: inputDilation,
    inputDilation: stride,
    dilation,
    groups,
    padding: spatial.map((dim, d) => {
      const taps = extent(weight.shape[dim], dilation[d]);
      const low = taps - 1 - padding[d][0];
      const spread = extent(g.shape[dim], stride[d]);
      return [low, (input.shape[dim] - 1) * inputDilation[d] + taps - spread - low] as const;
    }),
  };
  return primitive('conv', [g, swapWithinGroups(weight, groups).flip(spatial)], geometry, input.shape);
};

/**
 * A convolution of the input with the gradient as its kernel, batch and channels swapped: [c, g·n, x…] with [g·o, n, y…]
 * gives [c, g·o, t…]. Taps are `dilation` apart, gradient elements `stride` apart.
 */
const convWeight: InputRule<'conv'> = (g, [input, weight], _, attrs) => {
  const { stride, padding, dilation, inputDilation, groups } = attrs;
  const [outputs, channels, ...taps] = weight.shape;
  const geometry: ConvAttrs = {
    stride: dilation,
    dilation: stride,
    inputDilation,
    groups,
    padding: taps.map((count, d) => {
      const low = padding[d][0];
      const needed = extent(count, dilation[d]) - 1 + extent(g.shape[d + 2], stride[d]);
      return [low, needed - extent(input.shape[d + 2], inputDilation[d]) - low] as const;
    }),
  };
  // [n, g·c, x…] → [g·c, n, x…] → within groups → [g·n, c, x…] → [c, g·n, x…]
  const samples = swapWithinGroups(input.transpose(0, 1), groups).transpose(0, 1);
  return primitive('conv', [samples, g.transpose(0, 1)], geometry, [channels, outputs, ...taps]).transpose(
    0,
    1,
  );
};

export const contraction: Rules<'matmul' | 'conv'> = {
  matmul: [(g, [, b]) => g.matmul(transposed(b)), (g, [a]) => transposed(a).matmul(g)],
  conv: [convInput, convWeight],
};
