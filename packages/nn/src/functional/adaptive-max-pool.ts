import { cat, ShapeError, type Tensor } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { type OutputSize, readOutputSize, regionsOf } from './adaptive-avg-pool.js';

export interface AdaptiveMaxPoolOptions {
  /** Whether the result is `[values, indices]`, the indices counting the elements of an input plane (int32). */
  returnIndices?: boolean;
}

type AdaptiveMaxPoolArguments = Arguments<AdaptiveMaxPoolOptions, ['returnIndices']>;

/** The largest elements so far, and where each stands along the dimensions that are done. */
interface Found {
  readonly values: Tensor;
  readonly places: readonly Tensor[];
}

/**
 * Maxima over regions chosen so that the result has a given size, one dimension after the other from the last on: so the
 * first of equal elements wins, row by row.
 */
function adaptiveMaxPool(
  name: string,
  spatialDims: number,
  input: Tensor,
  outputSize: OutputSize,
  rest: AdaptiveMaxPoolArguments,
): Tensor | [Tensor, Tensor] {
  const options = readArguments<AdaptiveMaxPoolOptions>(name, ['returnIndices'], [], rest);
  const wanted = readOutputSize(name, spatialDims, outputSize);
  if (input.ndim !== spatialDims + 1 && input.ndim !== spatialDims + 2)
    throw new ShapeError(
      `${name}: takes ${spatialDims + 2} dimensions [N, C, …], or ${spatialDims + 1} without a batch, got [${input.shape.join(', ')}]`,
    );
  const first = input.ndim - spatialDims;
  let found: Found = { values: input, places: [] };
  for (let d = spatialDims - 1; d >= 0; d--) {
    const size = input.shape[first + d];
    found = largestOfRegions(found, first + d, wanted[d] ?? size);
  }
  if (!options.returnIndices) return found.values;
  const sizes = input.shape.slice(first);
  const indices = found.places.reduce((flat, place, d) => flat.mul(sizes[d]).add(place));
  return [found.values, indices];
}

function largestOfRegions({ values, places }: Found, dim: number, count: number): Found {
  const regions = regionsOf(values.shape[dim], count).map(({ start, length }) => {
    const [largest, at] = values.narrow(dim, start, length).max(dim, { keepdim: true });
    const earlier = places.map((p): Tensor => p.narrow(dim, start, length).gather(dim, at));
    return { values: largest as Tensor, places: [at.add(start) as Tensor, ...earlier] };
  });
  if (regions.length === 0) {
    const none = (t: Tensor): Tensor => t.narrow(dim, 0, 0);
    const empty = none(values);
    return { values: empty, places: [empty.to('int32'), ...places.map(none)] };
  }
  const join = (parts: readonly Tensor[]): Tensor => cat(parts, dim);
  return {
    values: join(regions.map((r) => r.values)),
    places: regions[0].places.map((_, i) => join(regions.map((r) => r.places[i]))),
  };
}

/** Input [N, C, L] or [C, L]. https://pytorch.org/docs/1.13/generated/torch.nn.functional.adaptive_max_pool1d.html */
export const adaptiveMaxPool1d = (input: Tensor, outputSize: OutputSize, ...rest: AdaptiveMaxPoolArguments) =>
  adaptiveMaxPool('adaptiveMaxPool1d', 1, input, outputSize, rest);
/** Input [N, C, H, W] or [C, H, W]. https://pytorch.org/docs/1.13/generated/torch.nn.functional.adaptive_max_pool2d.html */
export const adaptiveMaxPool2d = (input: Tensor, outputSize: OutputSize, ...rest: AdaptiveMaxPoolArguments) =>
  adaptiveMaxPool('adaptiveMaxPool2d', 2, input, outputSize, rest);
/** Input [N, C, D, H, W] or [C, D, H, W]. https://pytorch.org/docs/1.13/generated/torch.nn.functional.adaptive_max_pool3d.html */
export const adaptiveMaxPool3d = (input: Tensor, outputSize: OutputSize, ...rest: AdaptiveMaxPoolArguments) =>
  adaptiveMaxPool('adaptiveMaxPool3d', 3, input, outputSize, rest);
