import { type Generator, hostPermutation, ValueError } from '@neurite/tensor';
import { derivedGenerator, STREAMS, seedOf, shuffled, uniforms } from './random.js';
import { groupByClass } from './split.js';

/**
 * The order in which a loader visits a dataset. The order of an epoch is a pure function of the sampler's seed and the
 * epoch's number, so that a run can resume in the middle of one.
 */
export interface Sampler {
  /** Number of indices per epoch. */
  readonly length: number;
  /** Decides every epoch's order; random samplers have one, and a loader's state carries it. */
  seed?: number | undefined;
  indices(epoch: number): ArrayLike<number>;
}

interface GeneratorOption {
  /** Its seed decides every order. Default: drawn from the default generator. */
  readonly generator?: Generator;
}

/** 0, 1, 2, … */
export class SequentialSampler implements Sampler {
  constructor(readonly length: number) {
    checkCount('SequentialSampler', 'length', length);
  }

  indices(): Int32Array {
    return range(this.length);
  }
}

/** A random permutation per epoch, or independent draws with `replacement` (PyTorch's `RandomSampler`). */
export class RandomSampler implements Sampler {
  readonly length: number;
  readonly replacement: boolean;
  seed: number;

  /**
   * @param size number of samples of the dataset.
   * @param options `numSamples` indices are drawn per epoch (default: `size`); without replacement, more than `size` of
   *   them are several permutations one after another.
   */
  constructor(
    readonly size: number,
    options: GeneratorOption & { readonly replacement?: boolean; readonly numSamples?: number } = {},
  ) {
    checkCount('RandomSampler', 'size', size);
    this.length = options.numSamples ?? size;
    checkCount('RandomSampler', 'numSamples', this.length);
    if (this.length > 0 && size === 0) throw new ValueError('RandomSampler: cannot draw from 0 samples');
    this.replacement = options.replacement ?? false;
    this.seed = seedOf(options.generator);
  }

  indices(epoch: number): Int32Array {
    const generator = derivedGenerator(this.seed, STREAMS.shuffle, epoch);
    if (this.replacement) {
      return Int32Array.from(uniforms(generator, this.length), (u) => Math.floor(u * this.size));
    }
    const order = new Int32Array(this.length);
    for (let start = 0; start < this.length; start += this.size) {
      order.set(hostPermutation(generator, this.size).subarray(0, this.length - start), start);
    }
    return order;
  }
}

/** The given indices in a random order per epoch (PyTorch's `SubsetRandomSampler`). */
export class SubsetRandomSampler implements Sampler {
  seed: number;
  readonly subset: Int32Array;

  constructor(subset: ArrayLike<number>, options: GeneratorOption = {}) {
    this.subset = Int32Array.from(subset);
    this.seed = seedOf(options.generator);
  }

  get length(): number {
    return this.subset.length;
  }

  indices(epoch: number): Int32Array {
    return shuffled(this.subset, derivedGenerator(this.seed, STREAMS.shuffle, epoch));
  }
}

/**
 * Draws index i with a probability proportional to `weights[i]` (PyTorch's `WeightedRandomSampler`). Without replacement
 * it takes the smallest of the exponential draws −log(u) / weight: P. S. Efraimidis, P. G. Spirakis, "Weighted random
 * sampling with a reservoir" (2006).
 */
export class WeightedRandomSampler implements Sampler {
  readonly weights: Float64Array;
  readonly replacement: boolean;
  seed: number;

  /** @throws ValueError for weights that are negative, not finite or all zero, and for more draws than there is to draw. */
  constructor(
    weights: ArrayLike<number>,
    readonly length: number,
    options: GeneratorOption & { readonly replacement?: boolean } = {},
  ) {
    checkCount('WeightedRandomSampler', 'numSamples', length);
    this.weights = Float64Array.from(weights);
    this.replacement = options.replacement ?? true;
    const bad = this.weights.findIndex((w) => !(w >= 0 && w < Number.POSITIVE_INFINITY));
    if (bad >= 0) {
      throw new ValueError(
        `WeightedRandomSampler: weight ${bad} is ${this.weights[bad]}, expected a finite number ≥ 0`,
      );
    }
    const positive = this.weights.reduce((n, w) => n + (w > 0 ? 1 : 0), 0);
    const needed = this.replacement ? Math.min(1, length) : length;
    if (positive < needed) {
      throw new ValueError(
        `WeightedRandomSampler: ${positive} weights are positive, ${needed} are needed to draw ${length} samples`,
      );
    }
    this.seed = seedOf(options.generator);
  }

  indices(epoch: number): Int32Array {
    const generator = derivedGenerator(this.seed, STREAMS.weighted, epoch);
    return this.replacement ? this.#withReplacement(generator) : this.#withoutReplacement(generator);
  }

  #withReplacement(generator: Generator): Int32Array {
    let sum = 0;
    const cumulative = this.weights.map((w) => {
      sum += w;
      return sum;
    });
    return Int32Array.from(uniforms(generator, this.length), (u) => firstAbove(cumulative, u * sum));
  }

  #withoutReplacement(generator: Generator): Int32Array {
    const draws = uniforms(generator, this.weights.length);
    const keys = draws.map((u, i) => -Math.log(u) / this.weights[i]);
    return range(this.weights.length)
      .sort((a, b) => keys[a] - keys[b] || a - b)
      .slice(0, this.length);
  }
}

/**
 * A random order per epoch in which every stretch holds the classes in nearly the dataset's proportions, so that no batch
 * misses a class it could have: the k-th of the n members of a class stands at position (k + u) / n of the epoch.
 */
export class StratifiedSampler implements Sampler {
  readonly length: number;
  readonly #classes: readonly number[][];
  seed: number;

  constructor(labels: ArrayLike<number | string>, options: GeneratorOption = {}) {
    this.length = labels.length;
    this.#classes = [...groupByClass(labels).values()];
    this.seed = seedOf(options.generator);
  }

  indices(epoch: number): Int32Array {
    const generator = derivedGenerator(this.seed, STREAMS.stratified, epoch);
    const position = new Float64Array(this.length);
    for (const members of this.#classes) {
      const draws = uniforms(generator, members.length);
      shuffled(members, generator).forEach((index, k) => {
        position[index] = (k + draws[k]) / members.length;
      });
    }
    return range(this.length).sort((a, b) => position[a] - position[b] || a - b);
  }
}

function checkCount(who: string, name: string, value: number): void {
  if (!Number.isInteger(value) || value < 0) {
    throw new ValueError(`${who}: ${name} is ${value}, expected an integer ≥ 0`);
  }
}

/** 0, 1, …, n − 1. */
const range = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);

/** The first position whose cumulative weight exceeds `target`; a zero weight is never first. */
function firstAbove(cumulative: Float64Array, target: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle] > target) high = middle;
    else low = middle + 1;
  }
  return low;
}
