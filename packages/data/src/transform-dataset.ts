import type { Generator } from '@neurite/tensor';
import type { Dataset } from './dataset.js';
import { derivedGenerator, type Random, randomFrom, STREAMS, seedOf } from './random.js';

/** A function of a sample and of draws that belong to it alone. */
export type Transform<From, To = From> = (sample: From, random: Random) => To;

/**
 * Applies a transform to every sample of a dataset. What it draws is a pure function of (seed, epoch, index): the order of
 * access, prefetching and resuming change nothing, and every epoch sees other draws.
 */
export class TransformDataset<From, To> implements Dataset<To> {
  /** Default: drawn from the default generator. Pass a generator to make a resumed process see the same draws. */
  readonly seed: number;

  constructor(
    readonly dataset: Dataset<From, never> | Dataset<From>,
    readonly transform: Transform<From, To>,
    options: { readonly generator?: Generator } = {},
  ) {
    this.seed = seedOf(options.generator);
  }

  get length(): number {
    return this.dataset.length;
  }

  get(index: number, epoch = 0): To | Promise<To> {
    const apply = (sample: From): To =>
      this.transform(sample, randomFrom(derivedGenerator(this.seed, STREAMS.transform, epoch, index)));
    const sample = this.dataset.get(index, epoch);
    return sample instanceof Promise ? sample.then(apply) : apply(sample);
  }
}
