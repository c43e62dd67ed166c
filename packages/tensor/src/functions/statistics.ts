/** Order statistics, NaN-skipping sums, differences and integrals. */
import { type DType, isFloat } from '../dtype.js';
import { ShapeError } from '../errors.js';
import type { ReduceOptions, ValuesIndices, VarianceOptions } from '../methods/reduction.js';
import { normalizeDim, showShape } from '../ops/dims.js';
import type { Tensor } from '../tensor.js';
import type { Dims } from '../types/dims.js';
import type { Shape } from '../types/shape.js';
import { cat } from './combine.js';
import { where } from './elementwise.js';
import { diagonal } from './matrix.js';

/** The k-th smallest element along `dim` (k from 1) and where it stands. */
export function kthvalue<D extends DType>(
  x: Tensor<Shape, D>,
  k: number,
  dim = -1,
  options: ReduceOptions = {},
): ValuesIndices<Shape, D> {
  if (x.ndim === 0) return [x, x.argmax()] as ValuesIndices<Shape, D>;
  const [values, indices] = x.sort(dim);
  const pick = <T extends DType>(t: Tensor<Shape, T>): Tensor<Shape, T> =>
    options.keepdim ? t.narrow(dim, k - 1, 1) : t.select(dim, k - 1);
  return [pick(values), pick(indices)];
}

/** The lower median: of all elements, or `[values, indices]` along `dim`. NaN if there is one. */
export function median<D extends DType>(x: Tensor<Shape, D>): Tensor<readonly [], D>;
export function median<D extends DType>(
  x: Tensor<Shape, D>,
  dim: number,
  options?: ReduceOptions,
): ValuesIndices<Shape, D>;
export function median(
  x: Tensor,
  dim?: number,
  options: ReduceOptions = {},
): Tensor | ValuesIndices<Shape, DType> {
  if (dim === undefined) return median(x.reshape(-1), 0)[0];
  const size = x.ndim ? x.shape[normalizeDim('median', dim, x.shape)] : 1;
  const [middle, middleIndex] = kthvalue(x, Math.floor((size + 1) / 2), dim, options);
  // Sorting puts NaN last, so that the last element tells whether there is one.
  const [last, lastIndex] = kthvalue(x, size, dim, options);
  const broken = last.isnan();
  return [where(broken, last, middle), where(broken, lastIndex, middleIndex) as Tensor<Shape, 'int32'>];
}

/**
 * The lower median of what is not NaN: of all elements, or `[values, indices]` along `dim`; NaN where there is nothing else.
 * https://pytorch.org/docs/1.13/generated/torch.nanmedian.html
 */
export function nanmedian<D extends DType>(x: Tensor<Shape, D>): Tensor<readonly [], D>;
export function nanmedian<D extends DType>(
  x: Tensor<Shape, D>,
  dim: number,
  options?: ReduceOptions,
): ValuesIndices<Shape, D>;
export function nanmedian(
  x: Tensor,
  dim?: number,
  options: ReduceOptions = {},
): Tensor | ValuesIndices<Shape, DType> {
  if (dim === undefined) return nanmedian(x.reshape(-1), 0)[0];
  if (x.ndim === 0) return kthvalue(x, 1, dim);
  const d = normalizeDim('nanmedian', dim, x.shape);
  const [values, indices] = x.sort(d);
  // Sorting puts NaN last.
  const count = x.isnan().logicalNot().sum(d, { keepdim: true }) as Tensor;
  const middle = count.sub(1).clamp({ min: 0 }).floorDivide(2);
  const pick = <T extends DType>(t: Tensor<Shape, T>): Tensor<Shape, T> => {
    const picked = t.gather(d, middle);
    return options.keepdim ? picked : picked.squeeze(d);
  };
  return [pick(values), pick(indices)];
}

/** Sorted along the first dimension. https://pytorch.org/docs/1.13/generated/torch.msort.html */
export const msort = <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> => x.sort(0)[0];

/** Sum that takes NaN for 0. */
export const nansum = (x: Tensor, dim?: Dims, options: ReduceOptions = {}): Tensor =>
  where(x.isnan(), 0, x).to(x.dtype).sum(dim, options);
/** Mean of what is not NaN. */
export const nanmean = (x: Tensor, dim?: Dims, options: ReduceOptions = {}): Tensor =>
  nansum(x, dim, options).div(x.isnan().logicalNot().sum(dim, options));

/** `[amin, amax]`. */
export const aminmax = (x: Tensor, dim?: Dims, options: ReduceOptions = {}): [Tensor, Tensor] => [
  x.amin(dim, options),
  x.amax(dim, options),
];
/** `[std, mean]`. */
export const stdMean = (x: Tensor, dim?: Dims, options: VarianceOptions = {}): [Tensor, Tensor] => [
  x.std(dim, options),
  x.mean(dim, options),
];

/** The n-th differences along `dim`, after joining `prepend` and `append` to the ends. */
export function diff(
  x: Tensor,
  n = 1,
  dim = -1,
  options: { prepend?: Tensor | null; append?: Tensor | null } = {},
): Tensor {
  const d = normalizeDim('diff', dim, x.shape);
  const { prepend, append } = options;
  let y: Tensor =
    prepend || append ? cat([...(prepend ? [prepend] : []), x, ...(append ? [append] : [])], d) : x;
  for (let i = 0; i < n && y.shape[d] > 0; i++) {
    const [after, before] = [y.slice(d, 1), y.slice(d, 0, -1)];
    y = y.dtype === 'bool' ? after.ne(before) : after.sub(before);
  }
  return y;
}

export interface TrapezoidOptions {
  /** Distance of the samples where their positions are not given: 1 by default. */
  readonly dx?: number;
  readonly dim?: number;
}

/** Areas between neighbouring samples. */
function trapezoids(y: Tensor, x: Tensor | null, { dx = 1, dim = -1 }: TrapezoidOptions): Tensor {
  const means = y
    .slice(dim, 1)
    .add(y.slice(dim, 0, -1))
    .div(2);
  if (!x) return means.mul(dx);
  const d = normalizeDim('trapezoid', dim, y.shape);
  const widths = x.ndim === 1 ? diff(x).reshape(y.shape.map((_, i) => (i === d ? -1 : 1))) : diff(x, 1, dim);
  return means.mul(widths);
}

/** Integral of samples `y` at positions `x` along a dimension, by the trapezoidal rule. */
export const trapezoid = (y: Tensor, x: Tensor | null = null, options: TrapezoidOptions = {}): Tensor =>
  trapezoids(y, x, options).sum(options.dim ?? -1);
export const trapz = trapezoid;
/** The integrals up to each sample. */
export const cumulativeTrapezoid = (
  y: Tensor,
  x: Tensor | null = null,
  options: TrapezoidOptions = {},
): Tensor => trapezoids(y, x, options).cumsum(options.dim ?? -1);

export interface CovarianceOptions {
  /** The divisor is the number of observations minus this: 1 by default. */
  readonly correction?: number;
  /** How often each observation occurred (integers). */
  readonly fweights?: Tensor | null;
  /** The importance of each observation. */
  readonly aweights?: Tensor | null;
}

/**
 * Covariance matrix of variables in rows and observations in columns; of one variable its variance.
 * https://pytorch.org/docs/1.13/generated/torch.cov.html
 */
export function cov(x: Tensor, options: CovarianceOptions = {}): Tensor {
  if (x.ndim > 2) throw new ShapeError(`cov: needs at most 2 dimensions, got shape ${showShape(x.shape)}`);
  const { correction = 1, fweights, aweights } = options;
  const rows = (isFloat(x.dtype) ? x : x.float()).reshape(x.ndim < 2 ? 1 : x.shape[0], -1);
  for (const [name, w] of Object.entries({ fweights, aweights }))
    if (w && (w.ndim !== 1 || w.shape[0] !== rows.shape[1]))
      throw new ShapeError(
        `cov: ${name} of shape ${showShape(w.shape)} must have one entry for each of ${rows.shape[1]} observations`,
      );
  const weights = fweights && aweights ? fweights.mul(aweights) : (fweights ?? aweights ?? null);
  if (!weights) {
    const centered = rows.sub(rows.mean(1, { keepdim: true }) as Tensor);
    const observations = Math.max(0, rows.shape[1] - correction);
    return centered
      .matmul(centered.T as Tensor)
      .div(observations)
      .squeeze();
  }
  const w = weights.to(rows.dtype);
  const total = w.sum();
  const mean = rows.mul(w).sum(1, { keepdim: true }).div(total);
  const centered = rows.sub(mean);
  // Of importances alone, the correction is worth as many observations as they amount to.
  const lost = aweights ? w.mul(aweights).sum().div(total).mul(correction) : correction;
  const divisor = total.sub(lost).clamp({ min: 0 });
  return centered
    .matmul(centered.mul(w).T as Tensor)
    .div(divisor)
    .squeeze();
}

/**
 * Correlation coefficients of variables in rows; of one variable 1.
 * https://pytorch.org/docs/1.13/generated/torch.corrcoef.html
 */
export function corrcoef(x: Tensor): Tensor {
  const c = cov(x);
  if (c.ndim === 0) return c.div(c);
  const deviation = diagonal(c).sqrt();
  const r = c.div(deviation.unsqueeze(1)).div(deviation.unsqueeze(0));
  // The limits take off what rounding added; the gradient must not stop there.
  return r.add(r.clamp(-1, 1).sub(r).detach());
}
