import { IndexError, ValueError } from '@neurite/tensor';
import type { Collated } from './collate.js';

/**
 * A map-style dataset: `get(index)` returns one sample, at once or later. The epoch is passed along so that random
 * transforms can be a function of (seed, epoch, index); most datasets ignore it.
 *
 * A dataset that can build a whole batch faster than sample by sample offers `getBatch`; a `DataLoader` without its own
 * `collate` then uses it.
 */
export interface Dataset<Sample, Batch = Collated<Sample>> {
  readonly length: number;
  get(index: number, epoch?: number): Sample | Promise<Sample>;
  getBatch?(indices: ArrayLike<number>, epoch?: number): Batch | Promise<Batch>;
}

/** Throws IndexError unless 0 ≤ index < length. */
export function checkIndex(who: string, index: number, length: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= length) {
    throw new IndexError(`${who}: index ${index} is outside 0…${length - 1} (length ${length})`);
  }
}

/** Samples held in a JavaScript array. */
export class ArrayDataset<Sample> implements Dataset<Sample> {
  constructor(readonly samples: readonly Sample[]) {}

  get length(): number {
    return this.samples.length;
  }

  get(index: number): Sample {
    checkIndex('ArrayDataset', index, this.length);
    return this.samples[index];
  }
}

/** The samples of `dataset` at `indices`, in that order (PyTorch's `Subset`). */
export class Subset<Sample, Batch = Collated<Sample>> implements Dataset<Sample, Batch> {
  readonly indices: Int32Array;
  readonly getBatch?: (indices: ArrayLike<number>, epoch?: number) => Batch | Promise<Batch>;

  constructor(
    readonly dataset: Dataset<Sample, Batch>,
    indices: ArrayLike<number>,
  ) {
    for (let i = 0; i < indices.length; i++) checkIndex('Subset', indices[i], dataset.length);
    this.indices = Int32Array.from(indices);
    if (dataset.getBatch) {
      this.getBatch = (chosen, epoch) =>
        dataset.getBatch!(
          Int32Array.from(chosen, (i) => this.#parentIndex(i)),
          epoch,
        );
    }
  }

  get length(): number {
    return this.indices.length;
  }

  get(index: number, epoch?: number): Sample | Promise<Sample> {
    return this.dataset.get(this.#parentIndex(index), epoch);
  }

  #parentIndex(index: number): number {
    checkIndex('Subset', index, this.length);
    return this.indices[index];
  }
}

/** Datasets one after another (PyTorch's `ConcatDataset`). */
export class ConcatDataset<Sample> implements Dataset<Sample> {
  /** For each dataset, the index after its last sample. */
  readonly ends: readonly number[];

  constructor(readonly datasets: readonly Dataset<Sample>[]) {
    if (datasets.length === 0) throw new ValueError('ConcatDataset: expected at least one dataset, got none');
    let end = 0;
    this.ends = datasets.map((dataset) => {
      end += dataset.length;
      return end;
    });
  }

  get length(): number {
    return this.ends[this.ends.length - 1];
  }

  get(index: number, epoch?: number): Sample | Promise<Sample> {
    checkIndex('ConcatDataset', index, this.length);
    const which = this.ends.findIndex((end) => index < end);
    return this.datasets[which].get(index - (this.ends[which - 1] ?? 0), epoch);
  }
}
