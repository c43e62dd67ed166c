/** Spread, size and softmax: reductions with a formula around them. */
import { ValueError } from '../errors.js';
import type { Node } from '../graph/node.js';
import { cast, inFloat32, toFloat } from './cast.js';
import { normalizeDim, normalizeDims } from './dims.js';
import { constant, eq, unary, where } from './elementwise.js';
import { add, div, isinf, mul, pow, square, sub } from './math.js';
import { detach } from './movement.js';
import { type DimArgument, extreme, mean, reducedSize, requireFloat, sum } from './reduce.js';

/** Variance and mean. The sum of squares is divided by n − correction (Bessel's 1 by default). */
export function varMean(
  x: Node,
  dim?: DimArgument,
  correction = 1,
  keepdim = false,
  name = 'var',
): [Node, Node] {
  requireFloat(name, x);
  if (x.dtype === 'float16') {
    const [v, m] = varMean(cast(x, 'float32'), dim, correction, keepdim, name);
    return [cast(v, x.dtype), cast(m, x.dtype)];
  }
  const dims = normalizeDims(name, dim, x.shape);
  const center = mean(x, dims, true);
  const squares = sum(square(sub(x, center)), dims, keepdim);
  const variance = div(squares, constant(x, Math.max(0, reducedSize(x, dims) - correction)));
  return [variance, keepdim ? center : mean(x, dims)];
}

export const variance = (x: Node, dim?: DimArgument, correction = 1, keepdim = false): Node =>
  varMean(x, dim, correction, keepdim)[0];

/** √x whose gradient at 0 is 0: the subgradient that PyTorch takes for norms and standard deviations. */
function sqrtFlatAtZero(x: Node): Node {
  const zero = eq(x, 0);
  return where(zero, constant(x, 0), unary('sqrt', where(zero, constant(x, 1), x)));
}

export const std = (x: Node, dim?: DimArgument, correction = 1, keepdim = false): Node =>
  inFloat32(x, (y) => sqrtFlatAtZero(varMean(y, dim, correction, keepdim, 'std')[0]));

/** Vector norm of order p: (Σ|x|^p)^(1/p); p = ±∞ gives the extremes of |x|, p = 0 counts the elements that are not 0. */
export function norm(x: Node, p: number | 'fro' = 2, dim?: DimArgument, keepdim = false): Node {
  requireFloat('norm', x);
  // Squares of float16 overflow at 256.
  if (x.dtype === 'float16') return inFloat32(x, (y) => norm(y, p, dim, keepdim));
  if (p === 'fro' || p === 2) return sqrtFlatAtZero(sum(square(x), dim, keepdim));
  const size = unary('abs', x);
  if (p === Number.POSITIVE_INFINITY) return extreme('amax', size, dim, keepdim, 'norm');
  if (p === Number.NEGATIVE_INFINITY) return extreme('amin', size, dim, keepdim, 'norm');
  // The count's gradient is 0, not absent.
  if (p === 0) return sum(where(eq(x, 0), mul(x, 0), constant(x, 1)), dim, keepdim);
  if (p === 1) return sum(size, dim, keepdim);
  if (Number.isNaN(p)) throw new ValueError('norm: p must be a number, got NaN');
  const total = sum(pow(size, p), dim, keepdim);
  const zero = eq(total, 0);
  return where(zero, constant(x, 0), pow(where(zero, constant(x, 1), total), 1 / p));
}

/** The greatest value as a constant for the gradient. */
const shiftOf = (x: Node, dim: DimArgument, name: string): Node =>
  detach(extreme('amax', x, dim, true, name));

/** log Σ exp x, shifted by the maximum so that nothing overflows; a maximum of ±∞ is not subtracted. */
export function logsumexp(input: Node, dim: DimArgument, keepdim = false): Node {
  if (input.dtype === 'float16') return inFloat32(input, (y) => logsumexp(y, dim, keepdim));
  const x = toFloat(input);
  const dims = normalizeDims('logsumexp', dim, x.shape);
  if (dims.some((d) => x.shape[d] === 0)) return unary('log', sum(unary('exp', x), dims, keepdim));
  const greatest = shiftOf(x, dims, 'logsumexp');
  const shift = where(isinf(greatest), constant(x, 0), greatest);
  const total = unary('log', sum(unary('exp', sub(x, shift)), dims, keepdim));
  return add(total, keepdim ? shift : sum(shift, dims));
}

function softmaxDim(name: string, x: Node, dim: number): number | null {
  requireFloat(name, x);
  const d = normalizeDim(name, dim, x.shape);
  return x.shape.includes(0) ? null : d;
}

/** exp(x) / Σ exp(x) dims a dimension, shifted by the maximum. */
export function softmax(input: Node, dim: number, dtype = input.dtype): Node {
  const x = cast(input, dtype);
  const d = softmaxDim('softmax', x, dim);
  if (d === null) return x;
  return inFloat32(x, (y) => {
    const e = unary('exp', sub(y, shiftOf(y, d, 'softmax')));
    // One division per row. The sum is at least 1, so its reciprocal loses nothing but a rounding.
    return mul(e, unary('reciprocal', sum(e, d, true)));
  });
}

/** log softmax(x) without the logarithm of a small quotient. */
export function logSoftmax(input: Node, dim: number, dtype = input.dtype): Node {
  const x = cast(input, dtype);
  const d = softmaxDim('logSoftmax', x, dim);
  if (d === null) return x;
  return inFloat32(x, (y) => {
    const shifted = sub(y, shiftOf(y, d, 'logSoftmax'));
    return sub(shifted, unary('log', sum(unary('exp', shifted), d, true)));
  });
}
