import { ShapeError, type Tensor, ValueError } from '@neurite/tensor';

/** A setting per spatial dimension; one number stands for all of them. */
export type PerDim = number | readonly number[];

/**
 * Writes a setting out for each of `count` spatial dimensions and checks that it consists of integers of at
 * least `least`.
 */
export function perDim(
  op: string,
  what: string,
  value: PerDim,
  count: number,
  least: number,
): readonly number[] {
  const given = typeof value === 'number' ? [value] : value;
  const values = given.length === 1 ? Array<number>(count).fill(given[0]) : given;
  if (values.length !== count || values.some((v) => !Number.isInteger(v) || v < least)) {
    throw new ValueError(
      `${op}: ${what} must be one integer or ${count}, each at least ${least}, got [${given.join(', ')}]`,
    );
  }
  return values;
}

/**
 * Runs `op` on an input of [N, C, spatial…]; an input without the batch dimension gets one for the duration.
 * Throws ShapeError for any other number of dimensions.
 */
export function withBatch(
  name: string,
  input: Tensor,
  spatialDims: number,
  op: (batched: Tensor) => Tensor,
): Tensor {
  if (input.ndim === spatialDims + 2) return op(input);
  if (input.ndim === spatialDims + 1) return op(input.unsqueeze(0)).squeeze(0);
  throw new ShapeError(
    `${name}: takes ${spatialDims + 2} dimensions [N, C, …], or ${spatialDims + 1} without a batch, got [${input.shape.join(', ')}]`,
  );
}

/** All combinations of one position per dimension, the last dimension running fastest. */
export function positions(sizes: readonly number[]): number[][] {
  return sizes.reduce<number[][]>(
    (prefixes, size) => prefixes.flatMap((prefix) => Array.from({ length: size }, (_, i) => [...prefix, i])),
    [[]],
  );
}

/**
 * Padding [low, high] of each spatial dimension; an odd total of 'same' puts the extra zero at the end, as
 * PyTorch does.
 */
export function convPadding(
  name: string,
  padding: PerDim | string,
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): [number, number][] {
  if (typeof padding !== 'string') {
    return perDim(name, 'padding', padding as PerDim, kernel.length, 0).map((size) => [size, size]);
  }
  if (padding === 'valid') return kernel.map(() => [0, 0]);
  if (padding !== 'same')
    throw new ValueError(`${name}: padding must be numbers, 'valid' or 'same', got '${padding}'`);
  if (stride.some((step) => step !== 1))
    throw new ValueError(`${name}: padding 'same' needs stride 1, got [${stride.join(', ')}]`);
  return kernel.map((size, d) => {
    const total = dilation[d] * (size - 1);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
}
