import { hostNormal, ShapeError, type Tensor } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { fill, generatorOf, type RandomOptions } from './fill.js';

export interface OrthogonalOptions extends RandomOptions {
  gain?: number;
}

/**
 * A random matrix with orthonormal rows or columns (whichever are fewer), times the gain; dimensions after
 * the first count as columns. Saxe et al. 2013;
 * https://pytorch.org/docs/1.13/nn.init.html#torch.nn.init.orthogonal_
 */
export function orthogonal_<T extends Tensor>(tensor: T, ...rest: Arguments<OrthogonalOptions, ['gain']>): T {
  const { gain = 1, ...options } = readArguments<OrthogonalOptions>(
    'orthogonal_',
    ['gain'],
    ['generator'],
    rest,
  );
  if (tensor.ndim < 2)
    throw new ShapeError(`orthogonal_: needs at least 2 dimensions, got [${tensor.shape.join(', ')}]`);
  const rows = tensor.shape[0];
  const columns = rows === 0 ? 0 : tensor.numel / rows;
  const draws = Float64Array.from(hostNormal(generatorOf(options), tensor.numel, 0, 1));
  const count = Math.min(rows, columns);
  const length = Math.max(rows, columns);
  // Vector number i lies at vectors[i·length]; for a tall matrix the vectors are its columns.
  const vectors = rows <= columns ? draws : transpose(draws, rows, columns);
  orthonormalize(vectors, count, length);
  const values = rows <= columns ? vectors : transpose(vectors, columns, rows);
  return fill(
    tensor,
    values.map((value) => value * gain),
  );
}

/**
 * Gram-Schmidt, each projection taken out twice, which keeps orthogonality to rounding error. It equals QR
 * with a positive diagonal of R, the choice of signs that makes the result uniformly distributed.
 */
function orthonormalize(vectors: Float64Array, count: number, length: number): void {
  for (let i = 0; i < count; i++) {
    const v = vectors.subarray(i * length, (i + 1) * length);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const u = vectors.subarray(j * length, (j + 1) * length);
        const projection = dot(u, v);
        for (let k = 0; k < length; k++) v[k] -= projection * u[k];
      }
    }
    const norm = Math.sqrt(dot(v, v));
    for (let k = 0; k < length; k++) v[k] /= norm;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

function transpose(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(matrix.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) result[j * rows + i] = matrix[i * columns + j];
  return result;
}
