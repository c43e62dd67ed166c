import { arange, noGrad, type Tensor, where, zeros } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { constant, deviceOf } from '../like.js';
import { type PerDim, positions, withBatch } from './spatial.js';
import { layWindows, padForWindows, tapsOf, type WindowOptions, type Windows } from './window.js';

export interface MaxPoolOptions extends WindowOptions {
  /** Distance between the elements of a window. */
  dilation?: PerDim;
  /** Whether the result is `[values, indices]`, the indices counting the elements of an input plane (int32). */
  returnIndices?: boolean;
}

type MaxPoolArguments = Arguments<
  MaxPoolOptions,
  ['stride', 'padding', 'dilation', 'ceilMode', 'returnIndices']
>;
/** A pair of values and indices when the caller asks for it in the options. */
export type MaxPoolResult<A extends readonly unknown[]> = A extends readonly [
  ...unknown[],
  { returnIndices: true },
]
  ? [Tensor, Tensor]
  : Tensor;

/**
 * The largest element of each window; NaN wins. The gradient goes to the first largest element, as in PyTorch: the
 * position is found outside the tape, and the value is then picked by comparing with it, so that the gradient is elementwise
 * too. Without a tape the position is not computed.
 */
function maxPool<A extends MaxPoolArguments>(
  name: string,
  spatialDims: number,
  input: Tensor,
  kernelSize: PerDim,
  rest: A,
): MaxPoolResult<A> {
  const order = ['stride', 'padding', 'dilation', 'ceilMode', 'returnIndices'] as const;
  const options = readArguments<MaxPoolOptions>(name, order, [], rest);
  let windows: Windows | undefined;
  let offset: Tensor | undefined;
  const values = withBatch(name, input, spatialDims, (x) => {
    const sizes = x.shape.slice(2);
    windows = layWindows(name, sizes, kernelSize, options, options.dilation ?? 1);
    const { dilation } = windows;
    const padded = padForWindows(x, windows, Number.NEGATIVE_INFINITY);
    const taps = positions(windows.kernel).map((tap) => ({
      values: tap.reduce((t, i, d) => tapsOf(t, windows as Windows, d, i), padded),
      offset: tap.reduce((sum, i, d) => sum * sizes[d] + i * dilation[d], 0),
    }));
    if (!options.returnIndices && !x.node.requiresGrad) {
      return taps.map((tap) => tap.values).reduce((a, b) => a.maximum(b));
    }
    const best = noGrad(() => firstLargest(taps));
    offset = best;
    return taps
      .map((tap) => where(best.eq(constant(best, tap.offset)), tap.values, 0))
      .reduce((a, b) => a.add(b));
  });
  if (!options.returnIndices) return values as MaxPoolResult<A>;
  const found = offset as Tensor;
  const indices = found.add(windowOrigins(windows as Windows, input.shape.slice(-spatialDims)));
  return [values, values.ndim < indices.ndim ? indices.squeeze(0) : indices] as unknown as MaxPoolResult<A>;
}

interface Tap {
  readonly values: Tensor;
  /** Distance in an input plane from the window's first element; no two taps share it. */
  readonly offset: number;
}

/** The offset of each window's first largest element. */
function firstLargest(taps: readonly Tap[]): Tensor {
  let best = taps[0].values;
  let offset: Tensor = zeros(best.shape, { dtype: 'int32', device: deviceOf(best) });
  for (const tap of taps.slice(1)) {
    const better = tap.values.gt(best).logicalOr(tap.values.ne(tap.values));
    best = where(better, tap.values, best);
    offset = where(better, constant(offset, tap.offset), offset);
  }
  return offset;
}

/** Position in an input plane of each window's first element (negative where it lies in the padding): shape `count`. */
function windowOrigins({ count, stride, padding }: Windows, sizes: readonly number[]): Tensor {
  let origins: Tensor | undefined;
  for (let d = 0; d < count.length; d++) {
    const starts = arange(count[d], { dtype: 'int32' }).mul(stride[d]).sub(padding[d]);
    origins = origins ? origins.mul(sizes[d]).unsqueeze(-1).add(starts) : starts;
  }
  return origins as Tensor;
}

/** Input [N, C, L] or [C, L]. https://pytorch.org/docs/1.13/generated/torch.nn.functional.max_pool1d.html */
export function maxPool1d<A extends MaxPoolArguments>(
  input: Tensor,
  kernelSize: PerDim,
  ...rest: A
): MaxPoolResult<A> {
  return maxPool('maxPool1d', 1, input, kernelSize, rest);
}

/** Input [N, C, H, W] or [C, H, W]. https://pytorch.org/docs/1.13/generated/torch.nn.functional.max_pool2d.html */
export function maxPool2d<A extends MaxPoolArguments>(
  input: Tensor,
  kernelSize: PerDim,
  ...rest: A
): MaxPoolResult<A> {
  return maxPool('maxPool2d', 2, input, kernelSize, rest);
}

/** Input [N, C, D, H, W] or [C, D, H, W]. https://pytorch.org/docs/1.13/generated/torch.nn.functional.max_pool3d.html */
export function maxPool3d<A extends MaxPoolArguments>(
  input: Tensor,
  kernelSize: PerDim,
  ...rest: A
): MaxPoolResult<A> {
  return maxPool('maxPool3d', 3, input, kernelSize, rest);
}
