import { ShapeError, stack, type Tensor } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { type PerDim, perDim, positions, withBatch } from './spatial.js';

export interface UnfoldOptions {
  dilation?: PerDim;
  padding?: PerDim;
  stride?: PerDim;
}

const ORDER = ['dilation', 'padding', 'stride'] as const;

/**
 * Windows as columns (im2col): [N, C, H, W] → [N, C·kh·kw, number of windows]; without a batch, [C, H, W] → [C·kh·kw, …].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.unfold.html
 */
export function unfold(
  input: Tensor,
  kernelSize: PerDim,
  ...rest: Arguments<UnfoldOptions, typeof ORDER>
): Tensor {
  const options = readArguments<UnfoldOptions>('unfold', ORDER, [], rest);
  const kernel = perDim('unfold', 'kernelSize', kernelSize, 2, 1);
  const dilation = perDim('unfold', 'dilation', options.dilation ?? 1, 2, 1);
  const padding = perDim('unfold', 'padding', options.padding ?? 0, 2, 0);
  const stride = perDim('unfold', 'stride', options.stride ?? 1, 2, 1);
  return withBatch('unfold', input, 2, (x) => {
    const reach = kernel.map((k, d) => (k - 1) * dilation[d] + 1);
    const count = reach.map((r, d) => Math.floor((x.shape[2 + d] + 2 * padding[d] - r) / stride[d]) + 1);
    if (count.some((n) => n < 1))
      throw new ShapeError(
        `unfold: no window of ${reach.join(' × ')} fits into [${input.shape.join(', ')}] with padding [${padding.join(', ')}]`,
      );
    const around = padding.map((p) => [p, p] as const);
    const padded = x.pad([[0, 0], [0, 0], ...around]);
    const tapAt = (offsets: readonly number[]): Tensor =>
      offsets.reduce<Tensor>((t, i, d) => {
        const start = i * dilation[d];
        return t.slice(2 + d, start, start + (count[d] - 1) * stride[d] + 1, stride[d]);
      }, padded);
    const taps = positions(kernel).map((offsets) => tapAt(offsets).flatten(2, 3));
    return stack(taps, 2).reshape([x.shape[0], x.shape[1] * taps.length, count[0] * count[1]]);
  });
}
