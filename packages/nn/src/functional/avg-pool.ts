import { cat, type Tensor, tensor, ValueError } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { like } from '../like.js';
import { type PerDim, withBatch } from './spatial.js';
import { areTiles, layWindows, padForWindows, tapsOf, type WindowOptions, type Windows } from './window.js';

export interface AvgPoolOptions extends WindowOptions {
  /** Whether the zeros of the padding count as elements of a window. */
  countIncludePad?: boolean;
  /** Divides by this number instead of the number of elements. */
  divisorOverride?: number | null;
}

type AvgPoolArguments = Arguments<
  AvgPoolOptions,
  ['stride', 'padding', 'ceilMode', 'countIncludePad', 'divisorOverride']
>;

/** The mean of each window, with PyTorch's rules for what is counted at the borders. */
function avgPool(
  name: string,
  spatialDims: number,
  input: Tensor,
  kernelSize: PerDim,
  rest: AvgPoolArguments,
): Tensor {
  const order = ['stride', 'padding', 'ceilMode', 'countIncludePad', 'divisorOverride'] as const;
  const options = readArguments<AvgPoolOptions>(name, order, [], rest);
  const { countIncludePad = true, divisorOverride } = options;
  if (divisorOverride === 0) throw new ValueError(`${name}: divisorOverride must not be zero`);
  return withBatch(name, input, spatialDims, (x) => {
    const sizes = x.shape.slice(2);
    const windows = layWindows(name, sizes, kernelSize, options);
    const sums = windowSums(x, windows);
    if (divisorOverride !== null && divisorOverride !== undefined) return sums.div(divisorOverride);
    return windows.count.reduce(
      (result, _, d) => divideBySizes(result, windows, d, sizes[d], countIncludePad),
      sums,
    );
  });
}

function windowSums(x: Tensor, windows: Windows): Tensor {
  if (areTiles(windows)) {
    // One reduction over the tiles: its gradient is a plain repetition.
    const { count, kernel } = windows;
    const whole = count.reduce((t, n, d) => t.narrow(2 + d, 0, n * kernel[d]), x);
    const tiled = whole.reshape([...x.shape.slice(0, 2), ...count.flatMap((n, d) => [n, kernel[d]])]);
    return tiled.sum(count.map((_, d) => 3 + 2 * d));
  }
  // One dimension after the other: kh + kw slices instead of kh · kw.
  return windows.kernel.reduce(
    (t, taps, d) => {
      const slices = Array.from({ length: taps }, (_, tap) => tapsOf(t, windows, d, tap));
      return slices.reduce((a, b) => a.add(b));
    },
    padForWindows(x, windows, 0),
  );
}

/** Divides by the number of counted elements along one dimension: a number where all windows agree, else a vector. */
function divideBySizes(
  sums: Tensor,
  windows: Windows,
  d: number,
  size: number,
  countIncludePad: boolean,
): Tensor {
  const { kernel, stride, padding, count } = windows;
  const counts = Array.from({ length: count[d] }, (_, i) => {
    const start = i * stride[d] - padding[d];
    const end = Math.min(start + kernel[d], size + padding[d]);
    return countIncludePad ? end - start : Math.min(end, size) - Math.max(start, 0);
  });
  if (counts.every((n) => n === counts[0])) return sums.div(counts[0]);
  const trailing = count.slice(d + 1).map(() => 1);
  return sums.div(tensor(counts, like(sums)).reshape([-1, ...trailing]));
}

/** Input [N, C, L] or [C, L]. https://pytorch.org/docs/1.13/generated/torch.nn.functional.avg_pool1d.html */
export function avgPool1d(input: Tensor, kernelSize: PerDim, ...rest: AvgPoolArguments): Tensor {
  return avgPool('avgPool1d', 1, input, kernelSize, rest);
}

/** Input [N, C, H, W] or [C, H, W]. https://pytorch.org/docs/1.13/generated/torch.nn.functional.avg_pool2d.html */
export function avgPool2d(input: Tensor, kernelSize: PerDim, ...rest: AvgPoolArguments): Tensor {
  return avgPool('avgPool2d', 2, input, kernelSize, rest);
}

/** Input [N, C, D, H, W] or [C, D, H, W]. https://pytorch.org/docs/1.13/generated/torch.nn.functional.avg_pool3d.html */
export function avgPool3d(input: Tensor, kernelSize: PerDim, ...rest: AvgPoolArguments): Tensor {
  return avgPool('avgPool3d', 3, input, kernelSize, rest);
}

/** Sizes of an adaptive pooling's result; `null` keeps the input's size. */
export type OutputSize = number | readonly (number | null)[];

/** Averages over regions chosen so that the result has a given size: region i of n is [⌊i·x/n⌋, ⌈(i+1)·x/n⌉). */
function adaptiveAvgPool(name: string, spatialDims: number, input: Tensor, outputSize: OutputSize): Tensor {
  const sizes = typeof outputSize === 'number' ? Array<number>(spatialDims).fill(outputSize) : outputSize;
  const wanted = sizes.length === 1 ? Array<number | null>(spatialDims).fill(sizes[0]) : sizes;
  if (wanted.length !== spatialDims || wanted.some((n) => n !== null && (!Number.isInteger(n) || n < 0))) {
    throw new ValueError(
      `${name}: outputSize must be one size or ${spatialDims}, got [${wanted.join(', ')}]`,
    );
  }
  return withBatch(name, input, spatialDims, (x) =>
    wanted.reduce<Tensor>((t, n, d) => {
      const size = t.shape[2 + d];
      if (n === null || n === size) return t;
      if (n > 0 && size % n === 0)
        return t.reshape([...t.shape.slice(0, 2 + d), n, size / n, ...t.shape.slice(3 + d)]).mean(3 + d);
      const regions = Array.from({ length: n }, (_, i) => {
        const start = Math.floor((i * size) / n);
        return t.narrow(2 + d, start, Math.ceil(((i + 1) * size) / n) - start).mean(2 + d, { keepdim: true });
      });
      return regions.length > 0 ? cat(regions, 2 + d) : t.narrow(2 + d, 0, 0);
    }, x),
  );
}

/** Input [N, C, L] or [C, L]. https://pytorch.org/docs/1.13/generated/torch.nn.functional.adaptive_avg_pool1d.html */
export function adaptiveAvgPool1d(input: Tensor, outputSize: OutputSize): Tensor {
  return adaptiveAvgPool('adaptiveAvgPool1d', 1, input, outputSize);
}

/** Input [N, C, H, W] or [C, H, W]. https://pytorch.org/docs/1.13/generated/torch.nn.functional.adaptive_avg_pool2d.html */
export function adaptiveAvgPool2d(input: Tensor, outputSize: OutputSize): Tensor {
  return adaptiveAvgPool('adaptiveAvgPool2d', 2, input, outputSize);
}

/** Input [N, C, D, H, W] or [C, D, H, W]. https://pytorch.org/docs/1.13/generated/torch.nn.functional.adaptive_avg_pool3d.html */
export function adaptiveAvgPool3d(input: Tensor, outputSize: OutputSize): Tensor {
  return adaptiveAvgPool('adaptiveAvgPool3d', 3, input, outputSize);
}
