/** Rarer movements: flips, stacks, splits, windows, grids. */
import type { DType } from '../dtype.js';
import { ShapeError, ValueError } from '../errors.js';
import { broadcastShapes, normalizeDim, showShape } from '../ops/dims.js';
import { hostValues } from '../ops/indexing.js';
import type { Tensor } from '../tensor.js';
import type { Reverse } from '../types/dims.js';
import type { Shape } from '../types/shape.js';
import { cat } from './combine.js';
import { arange } from './create.js';

/** Transpose of a matrix; vectors stay. */
export function t<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<Reverse<S>, D> {
  if (x.ndim > 2)
    throw new ShapeError(`t: needs at most 2 dimensions, got shape ${showShape(x.shape)}; use transpose`);
  return x.T;
}
export const ravel = <D extends DType>(x: Tensor<Shape, D>): Tensor<readonly [number], D> => x.reshape(-1);
export const fliplr = <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> => x.flip(1);
export const flipud = <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> => x.flip(0);

/** Turns the plane of two dimensions by k quarters, from the first towards the second. */
export function rot90(x: Tensor, k = 1, dims: readonly [number, number] = [0, 1]): Tensor {
  const [a, b] = dims;
  switch (((k % 4) + 4) % 4) {
    case 1:
      return x.flip(b).transpose(a, b);
    case 2:
      return x.flip(a, b);
    case 3:
      return x.flip(a).transpose(a, b);
    default:
      return x;
  }
}

/** At least 1, 2 or 3 dimensions, the new ones where PyTorch puts them. */
export const atleast1d = (x: Tensor): Tensor => (x.ndim === 0 ? x.reshape(1) : x);
export const atleast2d = (x: Tensor): Tensor => (x.ndim < 2 ? atleast1d(x).unsqueeze(0) : x);
export const atleast3d = (x: Tensor): Tensor => (x.ndim < 3 ? atleast2d(x).unsqueeze(-1) : x);

export const hstack = (tensors: readonly Tensor[]): Tensor => {
  const list = tensors.map(atleast1d);
  return cat(list, list[0]?.ndim === 1 ? 0 : 1);
};
export const vstack = (tensors: readonly Tensor[]): Tensor => cat(tensors.map(atleast2d), 0);
export const dstack = (tensors: readonly Tensor[]): Tensor => cat(tensors.map(atleast3d), 2);
export const columnStack = (tensors: readonly Tensor[]): Tensor =>
  cat(
    tensors.map((x) => (x.ndim < 2 ? x.reshape(-1, 1) : x)),
    1,
  );

/** Where to split: a number of pieces, positions, or either as an integer tensor of host data. */
export type SplitAt = number | readonly number[] | Tensor;

function splitPositions(at: SplitAt): number | readonly number[] {
  if (typeof at !== 'object' || !('node' in at)) return at;
  const values = hostValues(at.node, (v) => v && Array.from(v).join());
  if (!values || at.ndim > 1)
    throw new ValueError(
      'tensorSplit: a tensor of positions must be host data of rank 0 or 1, because the shapes follow from it',
    );
  return at.ndim === 0 ? values[0] : Array.from(values);
}

/**
 * Pieces of nearly equal size (the first ones larger by one), or between the given positions.
 * https://pytorch.org/docs/1.13/generated/torch.tensor_split.html
 */
export function tensorSplit(x: Tensor, at: SplitAt, dim = 0): Tensor[] {
  const size = x.shape[normalizeDim('tensorSplit', dim, x.shape)];
  const positions = splitPositions(at);
  if (typeof positions === 'number') {
    if (!Number.isInteger(positions) || positions < 1)
      throw new ValueError(`tensorSplit: the number of pieces must be a positive integer, got ${positions}`);
    const [small, larger] = [Math.floor(size / positions), size % positions];
    return x.split(
      Array.from({ length: positions }, (_, i) => small + (i < larger ? 1 : 0)),
      dim,
    );
  }
  const bounds = [0, ...positions, size];
  return bounds.slice(1).map((end, i) => x.slice(dim, bounds[i], i === positions.length ? null : end));
}
export const hsplit = (x: Tensor, at: SplitAt): Tensor[] => tensorSplit(x, at, x.ndim === 1 ? 0 : 1);
export const vsplit = (x: Tensor, at: SplitAt): Tensor[] => tensorSplit(x, at, 0);
export const dsplit = (x: Tensor, at: SplitAt): Tensor[] => tensorSplit(x, at, 2);

/** Windows of `size` elements along `dim`, `step` apart; the window becomes the last dimension. */
export function unfold(x: Tensor, dim: number, size: number, step: number): Tensor {
  const ranked = x.ndim === 0 ? x.reshape(1) : x;
  const d = normalizeDim('unfold', dim, x.shape);
  const count = Math.floor((ranked.shape[d] - size) / step) + 1;
  if (!(size >= 0 && step >= 1 && count >= 1))
    throw new ShapeError(
      `unfold: windows of ${size}, ${step} apart, do not fit dim ${dim} of shape ${showShape(x.shape)}`,
    );
  const positions = arange(count)
    .mul(step)
    .unsqueeze(1)
    .add(arange(size) as Tensor);
  const windows = ranked
    .indexSelect(d, positions.reshape(-1))
    .unflatten(d, [count, size])
    .movedim(d + 1, -1);
  return x.ndim === 0 ? windows.reshape(size) : windows;
}

/** Each tensor broadcast to the shape that all of them broadcast to. */
export function broadcastTensors(...tensors: readonly Tensor[]): Tensor[] {
  const shape = tensors.reduce<Shape>((s, x) => broadcastShapes('broadcastTensors', s, x.shape), []);
  return tensors.map((x) => x.broadcastTo(shape));
}

/** Coordinates of a grid over vectors: with 'ij' dimension i belongs to vector i, with 'xy' the first two are exchanged. */
export function meshgrid(vectors: readonly Tensor[], options: { indexing?: 'ij' | 'xy' } = {}): Tensor[] {
  const swap = options.indexing === 'xy' && vectors.length > 1;
  const shape = vectors.map((v) => v.numel);
  const grids = vectors.map((v, i) => v.reshape(shape.map((s, d) => (d === i ? s : 1))).expand(shape));
  return swap ? grids.map((g) => g.transpose(0, 1)) : grids;
}

/** A copy of `x` with `source` in place of element `index` of `dim`. */
export function selectScatter(x: Tensor, source: Tensor, dim: number, index: number): Tensor {
  const d = normalizeDim('selectScatter', dim, x.shape);
  return sliceScatter(x, source.unsqueeze(d), d, index, index === -1 ? null : index + 1);
}

/** A copy of `x` with `source` in place of `x.slice(dim, start, end, step)`. */
export function sliceScatter(
  x: Tensor,
  source: Tensor,
  dim = 0,
  start?: number | null,
  end?: number | null,
  step = 1,
): Tensor {
  const d = normalizeDim('sliceScatter', dim, x.shape);
  const index = arange(x.shape[d]).slice(0, start, end, step);
  return x.indexCopy(d, index, source);
}

/**
 * Constant padding by amounts [low, high] that start at the last dimension; negative ones crop.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.pad.html
 */
export function constantPadNd(x: Tensor, padding: readonly number[], value = 0): Tensor {
  if (padding.length % 2 !== 0 || padding.length > 2 * x.ndim)
    throw new ShapeError(
      `constantPadNd: ${padding.length} amounts are no pairs for at most ${x.ndim} dimensions of shape ${showShape(x.shape)}`,
    );
  const pairs = x.shape.map((_, d) => {
    const at = 2 * (x.ndim - 1 - d);
    return [padding[at] ?? 0, padding[at + 1] ?? 0] as const;
  });
  return x.pad(pairs, value);
}

/** As `narrow`: tensors are values, so that a copy and a view are the same. */
export const narrowCopy = (x: Tensor, dim: number, start: number, length: number): Tensor =>
  x.narrow(dim, start, length);
/** Pieces of the given sizes. */
export const splitWithSizes = (x: Tensor, sizes: readonly number[], dim = 0): Tensor[] => x.split(sizes, dim);
