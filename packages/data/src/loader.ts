import { type Generator, StateDictError, ValueError } from '@neurite/tensor';
import { BatchSampler, type BatchSource } from './batch-sampler.js';
import { type Collated, collate } from './collate.js';
import type { Dataset } from './dataset.js';
import { prefetched } from './prefetch.js';
import { RandomSampler, type Sampler, SequentialSampler } from './sampler.js';

export interface DataLoaderOptions<Sample, Batch> {
  /** Samples per batch. Default 1. */
  readonly batchSize?: number;
  /** A new random order every epoch. Default false. */
  readonly shuffle?: boolean;
  /** Its seed decides the orders of `shuffle`. Default: drawn from the default generator. */
  readonly generator?: Generator;
  /** Leaves out the last batch when it is smaller. Default false. */
  readonly dropLast?: boolean;
  /** Chooses the order; excludes `shuffle`. */
  readonly sampler?: Sampler;
  /** Chooses the batches; excludes `batchSize`, `shuffle`, `sampler` and `dropLast`. */
  readonly batchSampler?: BatchSource;
  /** Makes a batch of a list of samples. Default: the dataset's `getBatch` where it has one, else {@link collate}. */
  readonly collate?: (samples: Sample[]) => Batch | Promise<Batch>;
  /** Batches made ahead of the consumer. Default 2; 0 makes each batch when it is asked for. */
  readonly prefetch?: number;
}

/** Where a loader stands: plain numbers, to be kept in a checkpoint. */
export interface DataLoaderState {
  /** Number of the running epoch, from 0. */
  readonly epoch: number;
  /** Batches of that epoch that were handed out. */
  readonly position: number;
  /** Seed of the sampler; null for one without randomness. */
  readonly seed: number | null;
}

/**
 * Batches of a dataset (PyTorch's `DataLoader`): each `for await (const batch of loader)` is one epoch.
 *
 * The batches of an epoch are a pure function of (seed, epoch). {@link stateDict} taken while batch k is in the consumer's
 * hands counts it as done; a loader that loads this state begins with batch k + 1 of the same order. Leaving the loop early
 * ends the epoch: the next loop is the next epoch.
 */
export class DataLoader<Sample, Batch = Collated<Sample>> implements AsyncIterable<Batch> {
  readonly batchSampler: BatchSource;
  readonly #options: DataLoaderOptions<Sample, Batch>;
  #epoch = 0;
  #position = 0;
  /** The next loop takes up `#epoch` at `#position` instead of starting an epoch. */
  #resuming = true;

  /** @throws ValueError for options that exclude each other or are out of range. */
  constructor(
    readonly dataset: Dataset<Sample, Batch>,
    options: DataLoaderOptions<Sample, Batch> = {},
  ) {
    checkOptions(options);
    this.#options = options;
    const sampler =
      options.sampler ??
      (options.shuffle ? new RandomSampler(dataset.length, options) : new SequentialSampler(dataset.length));
    this.batchSampler =
      options.batchSampler ?? new BatchSampler(sampler, options.batchSize ?? 1, options.dropLast ?? false);
  }

  /** Batches per epoch. */
  get length(): number {
    return this.batchSampler.length;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, void> {
    if (!this.#resuming) {
      this.#epoch++;
      this.#position = 0;
    }
    this.#resuming = false;
    const epoch = this.#epoch;
    const rest = skip(this.batchSampler.batches(epoch), this.#position);
    for await (const batch of prefetched(
      rest,
      (indices) => this.#load(indices, epoch),
      this.#options.prefetch ?? 2,
    )) {
      this.#position++;
      yield batch;
    }
  }

  /** The place after the batch that was handed out last. */
  stateDict(): DataLoaderState {
    return { epoch: this.#epoch, position: this.#position, seed: this.batchSampler.seed ?? null };
  }

  /**
   * Goes to a saved place; the next loop goes on from there (and is empty when the epoch was complete).
   *
   * @throws StateDictError when the state is not one of a loader like this one.
   */
  loadStateDict(state: DataLoaderState): void {
    const { epoch, position, seed } = state;
    if (!isCount(epoch) || !isCount(position) || position > this.length) {
      throw new StateDictError(
        `DataLoader.loadStateDict: epoch ${epoch}, batch ${position} is no place in epochs of ${this.length} batches`,
      );
    }
    if ((seed === null) !== (this.batchSampler.seed === undefined)) {
      const [saved, here] = seed === null ? ['fixed', 'random'] : ['random', 'fixed'];
      throw new StateDictError(
        `DataLoader.loadStateDict: the saved order is ${saved}, this loader's is ${here}`,
      );
    }
    if (seed !== null) this.batchSampler.seed = seed;
    this.#epoch = epoch;
    this.#position = position;
    this.#resuming = true;
  }

  async #load(indices: ArrayLike<number>, epoch: number): Promise<Batch> {
    const makeBatch = this.#options.collate;
    if (!makeBatch && this.dataset.getBatch) return this.dataset.getBatch(indices, epoch);
    // All of them settle before an error is passed on, so that nothing goes on running behind the consumer's back.
    const settled = await Promise.allSettled(
      Array.from(indices, async (index) => this.dataset.get(index, epoch)),
    );
    const samples = settled.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
    return makeBatch ? makeBatch(samples) : (collate(samples) as Batch);
  }
}

const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

function* skip<T>(items: Iterable<T>, count: number): globalThis.Generator<T, void, void> {
  let i = 0;
  for (const item of items) if (i++ >= count) yield item;
}

function checkOptions<Sample, Batch>(options: DataLoaderOptions<Sample, Batch>): void {
  const clash = (a: keyof typeof options, b: keyof typeof options): void => {
    if (options[a] && options[b]) throw new ValueError(`DataLoader: ${a} and ${b} exclude each other`);
  };
  clash('sampler', 'shuffle');
  clash('batchSampler', 'batchSize');
  clash('batchSampler', 'shuffle');
  clash('batchSampler', 'sampler');
  clash('batchSampler', 'dropLast');
  if (options.prefetch !== undefined && !isCount(options.prefetch)) {
    throw new ValueError(`DataLoader: prefetch is ${options.prefetch}, expected an integer ≥ 0`);
  }
}
