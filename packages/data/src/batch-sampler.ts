import { ValueError } from '@neurite/tensor';
import type { Sampler } from './sampler.js';

/** Lists of indices, one per batch; the order of an epoch is a pure function of the seed and the epoch's number. */
export interface BatchSource {
  /** Number of batches per epoch. */
  readonly length: number;
  seed?: number | undefined;
  batches(epoch: number): Iterable<ArrayLike<number>>;
}

/** Cuts a sampler's order into batches (PyTorch's `BatchSampler`). */
export class BatchSampler implements BatchSource {
  constructor(
    readonly sampler: Sampler,
    readonly batchSize: number,
    readonly dropLast = false,
  ) {
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new ValueError(`BatchSampler: batchSize is ${batchSize}, expected an integer ≥ 1`);
    }
  }

  get length(): number {
    return (this.dropLast ? Math.floor : Math.ceil)(this.sampler.length / this.batchSize);
  }

  get seed(): number | undefined {
    return this.sampler.seed;
  }

  set seed(value: number | undefined) {
    this.sampler.seed = value;
  }

  *batches(epoch: number): Generator<Int32Array, void, void> {
    const order = Int32Array.from(this.sampler.indices(epoch));
    for (let i = 0; i < this.length; i++) yield order.subarray(i * this.batchSize, (i + 1) * this.batchSize);
  }
}
