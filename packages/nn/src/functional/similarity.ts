import {
  autocastOperands,
  broadcastTensors,
  isFloat,
  ShapeError,
  type Tensor,
  tensor,
  ValueError,
} from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { constant } from '../like.js';

export interface NormalizeOptions {
  /** Order of the norm. */
  p?: number;
  dim?: number;
  /** The norm is taken to be no smaller. */
  eps?: number;
}

/** x / max(‖x‖ₚ, eps) along `dim`. https://pytorch.org/docs/1.13/generated/torch.nn.functional.normalize.html */
export function normalize(input: Tensor, ...rest: Arguments<NormalizeOptions, ['p', 'dim', 'eps']>): Tensor {
  const options = readArguments<NormalizeOptions>('normalize', ['p', 'dim', 'eps'], [], rest);
  const { p = 2, dim = 1, eps = 1e-12 } = options;
  const [x] = autocastOperands('float32', input);
  const norm = x.norm(p, dim, { keepdim: true });
  return x.div(norm.clamp({ min: constant(norm, eps) }));
}

export interface CosineSimilarityOptions {
  dim?: number;
  /** The norms are taken to be no smaller. */
  eps?: number;
}

/**
 * x₁·x₂ / (‖x₁‖ ‖x₂‖) along `dim`; the shapes broadcast.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.cosine_similarity.html
 */
export function cosineSimilarity(
  x1: Tensor,
  x2: Tensor,
  ...rest: Arguments<CosineSimilarityOptions, ['dim', 'eps']>
): Tensor {
  const options = readArguments<CosineSimilarityOptions>('cosineSimilarity', ['dim', 'eps'], [], rest);
  const { dim = 1, eps = 1e-8 } = options;
  const unit = (x: Tensor): Tensor => {
    const squares = x.square().sum(dim, { keepdim: true });
    return x.div(squares.clamp({ min: constant(squares, eps * eps) }).sqrt());
  };
  const [a, b] = broadcastTensors(...autocastOperands('float32', x1, x2));
  return unit(a).mul(unit(b)).sum(dim);
}

/** Integers as float32: what adding a fraction makes of them. */
export const floats = (x: Tensor): Tensor => (isFloat(x.dtype) ? x : x.float());

export interface PairwiseDistanceOptions {
  /** Order of the norm. */
  p?: number;
  /** Added to every difference, so that the gradient of equal vectors is finite. */
  eps?: number;
  keepdim?: boolean;
}

/**
 * ‖x₁ − x₂ + eps‖ₚ over the last dimension.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.pairwise_distance.html
 */
export function pairwiseDistance(
  x1: Tensor,
  x2: Tensor,
  ...rest: Arguments<PairwiseDistanceOptions, ['p', 'eps', 'keepdim']>
): Tensor {
  const options = readArguments<PairwiseDistanceOptions>(
    'pairwiseDistance',
    ['p', 'eps', 'keepdim'],
    [],
    rest,
  );
  const { p = 2, eps = 1e-6, keepdim = false } = options;
  const [a, b] = autocastOperands('float32', x1, x2);
  const difference = floats(a.sub(b));
  return difference.add(constant(difference, eps)).norm(p, -1, { keepdim });
}

/**
 * Distances of all pairs of rows i < j, row by row: [N, M] → [N·(N − 1)/2].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.pdist.html
 */
export function pdist(input: Tensor, p = 2): Tensor {
  if (input.ndim !== 2)
    throw new ShapeError(`pdist: takes 2 dimensions [N, M], got [${input.shape.join(', ')}]`);
  if (!(p >= 0)) throw new ValueError(`pdist: p must not be negative, got ${p}`);
  const rows: number[] = [];
  const columns: number[] = [];
  for (let i = 0; i < input.shape[0]; i++)
    for (let j = i + 1; j < input.shape[0]; j++) {
      rows.push(i);
      columns.push(j);
    }
  const [x] = autocastOperands('float32', input);
  const pick = (list: number[]) => x.indexSelect(0, tensor(Int32Array.from(list)));
  return pick(rows)
    .sub(pick(columns) as Tensor)
    .norm(p, -1);
}
