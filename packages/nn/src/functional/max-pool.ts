import { arange, isGradEnabled, noGrad, type Tensor, where, zeros } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { constant, deviceOf, like } from '../like.js';
import { withOwnGradient } from './own-gradient.js';
import { type PerDim, positions, withBatch } from './spatial.js';
import { areTiles, layWindows, padForWindows, tapsOf, type WindowOptions, type Windows } from './window.js';

export interface MaxPoolOptions extends WindowOptions {
  /** Distance between the elements of a window. */
  dilation?: PerDim;
  /**
   * Whether the result is `[values, indices]`, the indices counting the elements of an input plane (int32).
   */
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
 * The largest element of each window; NaN wins. The gradient goes to the first largest element, as in
 * PyTorch: its position is found with the value, and the gradient is spread by it (see {@link spread}). Where
 * neither gradient nor positions are wanted, positions are not computed.
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
  let indices: Tensor | undefined;
  const values = withBatch(name, input, spatialDims, (x) => {
    const windows = layWindows(name, x.shape.slice(2), kernelSize, options, options.dilation ?? 1);
    const hasTape = isGradEnabled() && x.node.requiresGrad;
    if (!hasTape && !options.returnIndices) return tapsOfAll(x, windows).reduce((a, b) => a.maximum(b));
    const { best, tap } = noGrad(() => firstLargest(x, windows));
    if (options.returnIndices) indices = placesOf(tap, windows, x.shape);
    return withOwnGradient(
      name,
      x,
      () => best,
      (gradient) => spread(gradient, tap, windows, x.shape),
    );
  });
  if (!indices) return values as MaxPoolResult<A>;
  return [values, values.ndim < indices.ndim ? indices.squeeze(0) : indices] as unknown as MaxPoolResult<A>;
}

/** For each position within a window, the elements of all windows there; outside the input lies −∞. */
function tapsOfAll(x: Tensor, windows: Windows): Tensor[] {
  const padded = padForWindows(x, windows, Number.NEGATIVE_INFINITY);
  return positions(windows.kernel).map((position) =>
    position.reduce((t, i, d) => tapsOf(t, windows, d, i), padded),
  );
}

/** The first largest element of each window, and its number within the window. */
function firstLargest(x: Tensor, windows: Windows): { best: Tensor; tap: Tensor } {
  const [first, ...others] = tapsOfAll(x, windows);
  let best = first;
  let tap: Tensor = zeros(first.shape, { dtype: 'int32', device: deviceOf(x) });
  others.forEach((values, i) => {
    const better = values.gt(best).logicalOr(values.ne(values));
    best = where(better, values, best);
    tap = where(better, constant(tap, i + 1), tap);
  });
  return { best, tap };
}

/** The positions in the row-major input plane that the windows' elements number `tap` have. */
function placesOf(
  tap: Tensor,
  { kernel, stride, padding, dilation, count }: Windows,
  shape: readonly number[],
): Tensor {
  const sizes = shape.slice(2);
  let places: Tensor = zeros([], { dtype: 'int32' });
  let inner = kernel.reduce((a, b) => a * b, 1);
  kernel.forEach((k, d) => {
    inner /= k;
    const start = arange(count[d], { dtype: 'int32' })
      .mul(constant(tap, stride[d]))
      .sub(constant(tap, padding[d]));
    const within = tap
      .floorDivide(constant(tap, inner))
      .remainder(constant(tap, k))
      .mul(constant(tap, dilation[d]));
    const position = within.add(start.reshape([-1, ...count.slice(d + 1).map(() => 1)]));
    places = places.mul(constant(tap, sizes[d])).add(position);
  });
  return places;
}

/**
 * Sends each window's gradient to where its maximum was. Tiles do not overlap: each element of the input
 * belongs to one window and compares its number with that window's, which needs no scatter and fuses (one
 * load and one comparison per element, where the gradient of strided slices has one for every element of a
 * window). Other windows add into the input's planes.
 */
function spread(gradient: Tensor, tap: Tensor, windows: Windows, shape: readonly number[]): Tensor {
  const lead = shape.slice(0, 2);
  const sizes = shape.slice(2);
  const { count, kernel } = windows;
  if (!areTiles(windows)) {
    const places = noGrad(() => placesOf(tap, windows, shape)).reshape([...lead, -1]);
    const planes = zeros([...lead, sizes.reduce((a, b) => a * b, 1)], like(gradient));
    return planes.scatterAdd(2, places, gradient.reshape([...lead, -1])).reshape(shape);
  }
  const perTile = [...lead, ...count.flatMap((n) => [n, 1])];
  const numbers = arange(
    kernel.reduce((a, b) => a * b, 1),
    { dtype: 'int32' },
  ).reshape(kernel.flatMap((k) => [1, k]));
  const spreadOut = where(tap.reshape(perTile).eq(numbers), gradient.reshape(perTile), 0);
  const covered = spreadOut.reshape([...lead, ...count.map((n, d) => n * kernel[d])]);
  return covered.pad([[0, 0], [0, 0], ...sizes.map((size, d) => [0, size - count[d] * kernel[d]] as const)]);
}

/** Input [N, C, L] or [C, L]. https://pytorch.org/docs/1.13/generated/torch.nn.functional.max_pool1d.html */
export function maxPool1d<A extends MaxPoolArguments>(
  input: Tensor,
  kernelSize: PerDim,
  ...rest: A
): MaxPoolResult<A> {
  return maxPool('maxPool1d', 1, input, kernelSize, rest);
}

/**
 * Input [N, C, H, W] or [C, H, W].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.max_pool2d.html
 */
export function maxPool2d<A extends MaxPoolArguments>(
  input: Tensor,
  kernelSize: PerDim,
  ...rest: A
): MaxPoolResult<A> {
  return maxPool('maxPool2d', 2, input, kernelSize, rest);
}

/**
 * Input [N, C, D, H, W] or [C, D, H, W].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.max_pool3d.html
 */
export function maxPool3d<A extends MaxPoolArguments>(
  input: Tensor,
  kernelSize: PerDim,
  ...rest: A
): MaxPoolResult<A> {
  return maxPool('maxPool3d', 3, input, kernelSize, rest);
}
