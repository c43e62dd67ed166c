import { ShapeError, type Tensor, tensor, ValueError } from '@neurite/tensor';
import { checkIndex, type Dataset } from './dataset.js';
import { gatherRows, type HostArray, isHostArray, row, toTensor } from './host-array.js';

type Source = Tensor | HostArray;
type Rows<Sources extends readonly Source[]> = { -readonly [K in keyof Sources]: Sources[K] };
type Batches<Sources extends readonly Source[]> = { -readonly [K in keyof Sources]: Tensor };

/**
 * Tensors or host arrays of equal length along dimension 0; sample i is the i-th entry of each (PyTorch's
 * `TensorDataset`). A batch copies rows of a host array into one fresh typed array, with no object per sample; of a tensor
 * it records one `indexSelect`.
 */
export class TensorDataset<const Sources extends readonly Source[]>
  implements Dataset<Rows<Sources>, Batches<Sources>>
{
  readonly sources: Sources;

  constructor(...sources: Sources) {
    if (sources.length === 0) throw new ValueError('TensorDataset: expected at least one tensor, got none');
    sources.forEach((source, i) => {
      if (source.shape.length === 0)
        throw new ShapeError(`TensorDataset: tensor ${i} has no dimension 0 to index`);
      if (source.shape[0] !== sources[0].shape[0]) {
        throw new ShapeError(
          `TensorDataset: lengths differ: tensor 0 has ${sources[0].shape[0]} rows, tensor ${i} has ${source.shape[0]}`,
        );
      }
    });
    this.sources = sources;
  }

  get length(): number {
    return this.sources[0].shape[0];
  }

  get(index: number): Rows<Sources> {
    checkIndex('TensorDataset', index, this.length);
    return this.sources.map((source) =>
      isHostArray(source) ? row(source, index) : source.select(0, index),
    ) as unknown as Rows<Sources>;
  }

  getBatch(indices: ArrayLike<number>): Batches<Sources> {
    for (let i = 0; i < indices.length; i++) checkIndex('TensorDataset', indices[i], this.length);
    // Host sources need no index tensor.
    let indexTensor: Tensor | undefined;
    return this.sources.map((source) => {
      if (isHostArray(source)) return toTensor(gatherRows(source, indices));
      indexTensor ??= tensor(Int32Array.from(indices));
      return source.indexSelect(0, indexTensor);
    }) as unknown as Batches<Sources>;
  }
}
