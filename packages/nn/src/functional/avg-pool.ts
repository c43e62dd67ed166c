import { isFloat, type Tensor, tensor, unlisted, ValueError } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { constant, like } from '../like.js';
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
    return divideBySizes(sums, windows, sizes, countIncludePad, divisorOverride);
  });
}

function windowSums(x: Tensor, windows: Windows): Tensor {
  if (areTiles(windows)) {
    // One reduction over the tiles: its gradient is a plain repetition.
    const { count, kernel } = windows;
    const whole = count.reduce((t, n, d) => t.narrow(2 + d, 0, n * kernel[d]), x);
    const tiled = whole.reshape([...x.shape.slice(0, 2), ...count.flatMap((n, d) => [n, kernel[d]])]);
    return unlisted(() => tiled.sum(count.map((_, d) => 3 + 2 * d)));
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

/**
 * Divides by the number of counted elements, which is a product over the dimensions: one number for the
 * dimensions in which all windows agree, a vector for each of the others.
 */
function divideBySizes(
  sums: Tensor,
  windows: Windows,
  sizes: readonly number[],
  countIncludePad: boolean,
  divisorOverride: number | null | undefined,
): Tensor {
  if (divisorOverride !== null && divisorOverride !== undefined)
    return divide(sums, constant(sums, divisorOverride));
  const counts = sizes.map((size, d) => countedElements(windows, d, size, countIncludePad));
  const isEven = (of: readonly number[]): boolean => of.every((n) => n === of[0]);
  const even = counts.filter(isEven).reduce((product, [n]) => product * n, 1);
  return counts.reduce(
    (result, of, d) => {
      if (isEven(of)) return result;
      return divide(result, tensor(of, like(sums)).reshape([-1, ...counts.slice(d + 1).map(() => 1)]));
    },
    divide(sums, constant(sums, even)),
  );
}

/** Number of elements that each window counts along one dimension. */
function countedElements(windows: Windows, d: number, size: number, countIncludePad: boolean): number[] {
  const { kernel, stride, padding, count } = windows;
  return Array.from({ length: count[d] }, (_, i) => {
    const start = i * stride[d] - padding[d];
    const end = Math.min(start + kernel[d], size + padding[d]);
    return countIncludePad ? end - start : Math.min(end, size) - Math.max(start, 0);
  });
}

/** Integers are averaged as PyTorch does it: the quotient is truncated. */
const divide = (x: Tensor, y: Tensor): Tensor =>
  isFloat(x.dtype) ? x.div(y) : x.div(y, { roundingMode: 'trunc' });

/** Input [N, C, L] or [C, L]. https://pytorch.org/docs/1.13/generated/torch.nn.functional.avg_pool1d.html */
export function avgPool1d(input: Tensor, kernelSize: PerDim, ...rest: AvgPoolArguments): Tensor {
  return avgPool('avgPool1d', 1, input, kernelSize, rest);
}

/**
 * Input [N, C, H, W] or [C, H, W].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.avg_pool2d.html
 */
export function avgPool2d(input: Tensor, kernelSize: PerDim, ...rest: AvgPoolArguments): Tensor {
  return avgPool('avgPool2d', 2, input, kernelSize, rest);
}

/**
 * Input [N, C, D, H, W] or [C, D, H, W].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.avg_pool3d.html
 */
export function avgPool3d(input: Tensor, kernelSize: PerDim, ...rest: AvgPoolArguments): Tensor {
  return avgPool('avgPool3d', 3, input, kernelSize, rest);
}
