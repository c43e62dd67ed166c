import { ShapeError, type Tensor, ValueError, where } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { checkIndices } from './indices.js';

export interface EmbeddingOptions {
  /** A row that gets no gradient; negative counts from the end. */
  paddingIdx?: number | null;
}

/**
 * Rows of a table: input of integers [...], weight [V, E] → [..., E]. IndexError for an index
 * outside the table that lies in host memory; one on a device gives zeros.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.embedding.html
 */
export function embedding(
  input: Tensor,
  weight: Tensor,
  ...rest: Arguments<EmbeddingOptions, ['paddingIdx']>
): Tensor {
  const { paddingIdx } = readArguments<EmbeddingOptions>('embedding', ['paddingIdx'], [], rest);
  if (weight.ndim !== 2)
    throw new ShapeError(`embedding: the weight must have 2 dimensions, got [${weight.shape.join(', ')}]`);
  const [rows, size] = weight.shape;
  checkIndices('embedding', 'indices', input, rows);
  const picked = weight.indexSelect(0, input.reshape([-1]).to('int32')).reshape([...input.shape, size]);
  if (paddingIdx === null || paddingIdx === undefined) return picked;
  return where(input.eq(paddingRow('embedding', paddingIdx, rows)).unsqueeze(-1), picked.detach(), picked);
}

/** The row that `paddingIdx` names. */
export function paddingRow(op: string, paddingIdx: number, rows: number): number {
  if (!Number.isInteger(paddingIdx) || paddingIdx < -rows || paddingIdx >= rows) {
    throw new ValueError(`${op}: paddingIdx ${paddingIdx} is outside the table of ${rows} rows`);
  }
  return paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
}
