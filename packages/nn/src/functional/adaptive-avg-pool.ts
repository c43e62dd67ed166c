import { cat, type Tensor, ValueError } from '@neurite/tensor';
import { withBatch } from './spatial.js';

/** Sizes of an adaptive pooling's result; `null` keeps the input's size. */
export type OutputSize = number | readonly (number | null | undefined)[];

/** The wanted size of each spatial dimension, `null` where it is the input's. Throws ValueError. */
export function readOutputSize(
  name: string,
  spatialDims: number,
  outputSize: OutputSize,
): readonly (number | null)[] {
  const given = typeof outputSize === 'number' ? [outputSize] : outputSize;
  const wanted = given.length === 1 ? Array.from({ length: spatialDims }, () => given[0]) : given;
  const isSize = (n: number | null | undefined): boolean =>
    n === null || n === undefined || (Number.isInteger(n) && n >= 0);
  if (wanted.length !== spatialDims || !wanted.every(isSize)) {
    throw new ValueError(
      `${name}: outputSize must be one size or ${spatialDims}, got [${wanted.join(', ')}]`,
    );
  }
  return wanted.map((n) => n ?? null);
}

/** Where `count` regions of a dimension lie: region i of n is [⌊i·x/n⌋, ⌈(i+1)·x/n⌉). */
export function regionsOf(size: number, count: number): { start: number; length: number }[] {
  return Array.from({ length: count }, (_, i) => {
    const start = Math.floor((i * size) / count);
    return { start, length: Math.ceil(((i + 1) * size) / count) - start };
  });
}

/** Averages over regions chosen so that the result has a given size, see {@link regionsOf}. */
function adaptiveAvgPool(name: string, spatialDims: number, input: Tensor, outputSize: OutputSize): Tensor {
  const wanted = readOutputSize(name, spatialDims, outputSize);
  return withBatch(name, input, spatialDims, (x) =>
    wanted.reduce<Tensor>((result, n, d) => averageRegions(result, 2 + d, n ?? x.shape[2 + d]), x),
  );
}

function averageRegions(x: Tensor, dim: number, count: number): Tensor {
  const size = x.shape[dim];
  if (count === size) return x;
  if (count > 0 && size % count === 0) {
    return x
      .reshape([...x.shape.slice(0, dim), count, size / count, ...x.shape.slice(dim + 1)])
      .mean(dim + 1);
  }
  if (count === 0) return x.narrow(dim, 0, 0);
  const regions = regionsOf(size, count).map(({ start, length }) =>
    x.narrow(dim, start, length).mean(dim, { keepdim: true }),
  );
  return cat(regions, dim);
}

/**
 * Input [N, C, L] or [C, L].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.adaptive_avg_pool1d.html
 */
export function adaptiveAvgPool1d(input: Tensor, outputSize: OutputSize): Tensor {
  return adaptiveAvgPool('adaptiveAvgPool1d', 1, input, outputSize);
}

/**
 * Input [N, C, H, W] or [C, H, W].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.adaptive_avg_pool2d.html
 */
export function adaptiveAvgPool2d(input: Tensor, outputSize: OutputSize): Tensor {
  return adaptiveAvgPool('adaptiveAvgPool2d', 2, input, outputSize);
}

/**
 * Input [N, C, D, H, W] or [C, D, H, W].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.adaptive_avg_pool3d.html
 */
export function adaptiveAvgPool3d(input: Tensor, outputSize: OutputSize): Tensor {
  return adaptiveAvgPool('adaptiveAvgPool3d', 3, input, outputSize);
}
