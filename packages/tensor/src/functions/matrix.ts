/** Matrices: triangles, diagonals, and products written with matmul. */
import { type DType, isFloat } from '../dtype.js';
import { ShapeError } from '../errors.js';
import { showShape } from '../ops/dims.js';
import type { Tensor } from '../tensor.js';
import type { Shape } from '../types/shape.js';
import { autocastOperands, unlisted } from './autocast.js';
import { cat } from './combine.js';
import { arange, tensor, zeros, zerosLike } from './create.js';
import { where } from './elementwise.js';

/** Factors of the `add…` products: beta · input + alpha · product. */
export interface ProductOptions {
  readonly beta?: number;
  readonly alpha?: number;
}

function combined(given: Tensor, product: Tensor, options: ProductOptions): Tensor {
  const [input] = autocastOperands('float16', given);
  // Of integers the factors are integers too, of bools truth values.
  const factor = (value = 1) =>
    isFloat(product.dtype) ? value : product.dtype === 'bool' ? Number(value !== 0) : Math.trunc(value);
  const [beta, alpha] = [factor(options.beta), factor(options.alpha)];
  const scaled = alpha === 1 ? product : product.dtype === 'bool' ? zerosLike(product) : product.mul(alpha);
  // With beta 0 the input does not count, not even its NaNs.
  if (beta === 0) return scaled;
  return (beta === 1 ? input : input.mul(beta)).add(scaled);
}

export const addmm = (input: Tensor, a: Tensor, b: Tensor, options: ProductOptions = {}): Tensor =>
  combined(input, a.mm(b), options);
export const addmv = (input: Tensor, a: Tensor, v: Tensor, options: ProductOptions = {}): Tensor =>
  combined(input, a.mv(v), options);
export const addr = (input: Tensor, a: Tensor, b: Tensor, options: ProductOptions = {}): Tensor =>
  combined(input, outer(...autocastOperands('float16', a, b)), options);
export const baddbmm = (input: Tensor, a: Tensor, b: Tensor, options: ProductOptions = {}): Tensor =>
  combined(input, a.bmm(b), options);
/** Sums the products of a batch. */
export const addbmm = (input: Tensor, a: Tensor, b: Tensor, options: ProductOptions = {}): Tensor => {
  const products = a.bmm(b);
  return combined(
    input,
    unlisted(() => products.sum(0)),
    options,
  );
};

/** All products of two vectors' elements. */
export const outer = (a: Tensor, b: Tensor): Tensor => a.unsqueeze(1).mul(b.unsqueeze(0));
export const vdot = (a: Tensor, b: Tensor): Tensor => a.dot(b);
/** Sum of products over the last dimensions. */
export function inner(a: Tensor, b: Tensor): Tensor {
  if (a.ndim === 0 || b.ndim === 0) return a.mul(b);
  return tensordot(a, b, [[-1], [-1]]);
}

/** Sums products over pairs of dimensions, or over the last n of `a` and the first n of `b`. */
export function tensordot(
  first: Tensor,
  second: Tensor,
  dims: number | readonly [readonly number[], readonly number[]] = 2,
): Tensor {
  const [a, b] = autocastOperands('widest', first, second);
  const [left, right] =
    typeof dims === 'number'
      ? [a.shape.map((_, d) => d).slice(a.ndim - dims), b.shape.map((_, d) => d).slice(0, dims)]
      : [dims[0].map((d) => (d < 0 ? d + a.ndim : d)), dims[1].map((d) => (d < 0 ? d + b.ndim : d))];
  const sizes = (t: Tensor, ds: readonly number[]) => ds.map((d) => t.shape[d]);
  if (left.length !== right.length || left.some((d, i) => a.shape[d] !== b.shape[right[i]]))
    throw new ShapeError(
      `tensordot: contracted sizes differ: ${showShape(sizes(a, left))} of ${showShape(a.shape)} and ${showShape(sizes(b, right))} of ${showShape(b.shape)}`,
    );
  const restA = a.shape.map((_, d) => d).filter((d) => !left.includes(d));
  const restB = b.shape.map((_, d) => d).filter((d) => !right.includes(d));
  const [rows, k, columns] = [sizes(a, restA), sizes(a, left), sizes(b, restB)].map((s) =>
    s.reduce((p, v) => p * v, 1),
  );
  const product = unlisted(() =>
    a
      .permute([...restA, ...left])
      .reshape(rows, k)
      .mm(b.permute([...right, ...restB]).reshape(k, columns) as Tensor),
  );
  return product.reshape([...sizes(a, restA), ...sizes(b, restB)]);
}

/** Kronecker product. */
export function kron(a: Tensor, b: Tensor): Tensor {
  const rank = Math.max(a.ndim, b.ndim);
  const shapeOf = (t: Tensor) => [...new Array<number>(rank - t.ndim).fill(1), ...t.shape];
  const [sa, sb] = [shapeOf(a), shapeOf(b)];
  const product = a.reshape(sa.flatMap((s) => [s, 1])).mul(b.reshape(sb.flatMap((s) => [1, s])));
  return product.reshape(sa.map((s, d) => s * sb[d]));
}

/** Cross product of vectors of 3 elements along `dim` (by default the first dimension of size 3). */
export function cross(a: Tensor, b: Tensor, dim?: number): Tensor {
  const d = dim ?? a.shape.indexOf(3);
  if (d >= a.ndim || d < -a.ndim || a.shape.at(d) !== 3)
    throw new ShapeError(
      `cross: dimension ${d} of ${showShape(a.shape)} @ ${showShape(b.shape)} must have size 3`,
    );
  const next = (t: Tensor, by: number) => t.roll(-by, d);
  return next(a, 1)
    .mul(next(b, 2))
    .sub(next(a, 2).mul(next(b, 1)));
}

/** Distance of every row of `a` to every row of `b`, in the p-norm. */
export const cdist = (a: Tensor, b: Tensor, p = 2): Tensor => {
  const [x, y] = autocastOperands('float32', a, b);
  return x.unsqueeze(-2).sub(y.unsqueeze(-3)).norm(p, -1);
};

/** int32 column − row of a matrix's elements. */
function offsets(rows: number, columns: number): Tensor {
  return arange(columns)
    .unsqueeze(0)
    .sub(arange(rows).unsqueeze(1) as Tensor);
}

/** Lower triangles of matrices, up to the given diagonal; zeros elsewhere. */
export const tril = <S extends Shape, D extends DType>(x: Tensor<S, D>, diagonal = 0): Tensor<S, D> =>
  x.maskedFill(matrixOffsets('tril', x).gt(diagonal), 0);
/** Upper triangles of matrices, from the given diagonal on; zeros elsewhere. */
export const triu = <S extends Shape, D extends DType>(x: Tensor<S, D>, diagonal = 0): Tensor<S, D> =>
  x.maskedFill(matrixOffsets('triu', x).lt(diagonal), 0);

function matrixOffsets(op: string, x: Tensor): Tensor {
  if (x.ndim < 2) throw new ShapeError(`${op}: needs at least 2 dimensions, got shape ${showShape(x.shape)}`);
  return offsets(x.shape[x.ndim - 2], x.shape[x.ndim - 1]);
}

/** Elements (i, i + offset) of matrices in two dimensions; they become the last dimension. */
export function diagonal(x: Tensor, offset = 0, dim1 = 0, dim2 = 1): Tensor {
  const moved = x.movedim([dim1, dim2], [-2, -1]);
  const [rows, columns] = moved.shape.slice(-2);
  const [row, column] = [Math.max(-offset, 0), Math.max(offset, 0)];
  const count = Math.max(0, Math.min(rows - row, columns - column));
  const first = row * columns + column;
  // Neighbours on a diagonal lie `columns + 1` apart in a row-major matrix.
  const flat = moved.reshape([...moved.shape.slice(0, -2), rows * columns]);
  return flat.slice(-1, first, first + count * (columns + 1), columns + 1).narrow(-1, 0, count);
}

/** Matrices with the last dimension of `x` on a diagonal, as dimensions dim1 and dim2. */
export function diagEmbed(x: Tensor, offset = 0, dim1 = -2, dim2 = -1): Tensor {
  const n = x.shape[x.ndim - 1];
  const size = n + Math.abs(offset);
  const padded = x.pad([
    ...x.shape.slice(0, -1).map(() => [0, 0] as const),
    offset > 0 ? [offset, 0] : [0, -offset],
  ]);
  // Columns count for the position on the diagonal.
  const matrix = where(offsets(size, size).eq(offset), padded.unsqueeze(-2), 0);
  return matrix.to(x.dtype).movedim([-2, -1], [dim1, dim2]);
}

/** A copy of `x` with `source` in place of `diagonal(x, offset, dim1, dim2)`. */
export function diagonalScatter(x: Tensor, source: Tensor, offset = 0, dim1 = 0, dim2 = 1): Tensor {
  const moved = x.movedim([dim1, dim2], [-2, -1]);
  const [rows, columns] = moved.shape.slice(-2);
  const first = Math.max(offset, 0);
  const none = source.shape.slice(0, -1).map(() => [0, 0] as const);
  // Spread over the columns: of each row only the column on the diagonal is taken.
  const spread = source
    .pad([...none, [first, columns - first - source.shape[source.ndim - 1]]])
    .unsqueeze(-2);
  return where(offsets(rows, columns).eq(offset), spread, moved).movedim([-2, -1], [dim1, dim2]);
}

/** Of a vector the diagonal matrix, of a matrix the diagonal. */
export function diag(x: Tensor, offset = 0): Tensor {
  if (x.ndim === 1) return diagEmbed(x, offset);
  if (x.ndim === 2) return diagonal(x, offset);
  throw new ShapeError(`diag: needs a vector or a matrix, got shape ${showShape(x.shape)}`);
}
export const diagflat = (x: Tensor, offset = 0): Tensor => diagEmbed(x.reshape(-1), offset);

/** Sum of a matrix's diagonal. */
export function trace(x: Tensor): Tensor {
  if (x.ndim !== 2) throw new ShapeError(`trace: needs a matrix, got shape ${showShape(x.shape)}`);
  return diagonal(x).sum();
}

/** Matrices along the diagonal of one, zeros elsewhere. */
export function blockDiag(...blocks: readonly Tensor[]): Tensor {
  const matrices = blocks.map((t) => (t.ndim === 2 ? t : t.reshape(1, -1)));
  const columns = matrices.reduce((n, m) => n + m.shape[1]!, 0);
  let start = 0;
  const rows = matrices.map((m) => {
    const [, width] = m.shape;
    start += width!;
    return m.pad([
      [0, 0],
      [start - width!, columns - start],
    ]);
  });
  return rows.length ? cat(rows) : zeros([1, 0]);
}

function indices(
  rows: number,
  columns: number,
  keep: (offset: number) => boolean,
): Tensor<readonly [2, number], 'int32'> {
  const hits: [number, number][] = [];
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) if (keep(c - r)) hits.push([r, c]);
  const flat = Int32Array.from([...hits.map((h) => h[0]), ...hits.map((h) => h[1])]);
  return tensor(flat, { shape: [2, hits.length] });
}
/** Rows and columns of a lower triangle's elements. */
export const trilIndices = (rows: number, columns: number, offset = 0) =>
  indices(rows, columns, (o) => o <= offset);
/** Rows and columns of an upper triangle's elements. */
export const triuIndices = (rows: number, columns: number, offset = 0) =>
  indices(rows, columns, (o) => o >= offset);
