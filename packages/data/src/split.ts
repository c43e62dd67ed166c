import { type Generator, hostPermutation, ShapeError, ValueError } from '@neurite/tensor';
import type { Collated } from './collate.js';
import { type Dataset, Subset } from './dataset.js';
import { derivedGenerator, STREAMS, seedOf, shuffled } from './random.js';

interface SplitOptions {
  /** Its seed decides the split. Default: drawn from the default generator. */
  readonly generator?: Generator;
}

/**
 * Cuts a dataset into random, disjoint subsets (PyTorch's `random_split`).
 *
 * @param lengths sizes that sum to the dataset's length, or fractions that sum to 1 (what rounding down leaves over goes to
 *   the first subsets, one each).
 * @throws ValueError when they sum to neither.
 */
export function randomSplit<Sample, Batch = Collated<Sample>>(
  dataset: Dataset<Sample, Batch>,
  lengths: readonly number[],
  options: SplitOptions = {},
): Subset<Sample, Batch>[] {
  const sizes = subsetSizes('randomSplit', dataset.length, lengths);
  const order = hostPermutation(derivedGenerator(seedOf(options.generator), STREAMS.split), dataset.length);
  return cut(order, sizes).map((indices) => new Subset(dataset, indices));
}

/**
 * As {@link randomSplit}, but every class keeps its share in every subset (up to rounding).
 *
 * @param labels the class of each sample; any values that compare equal.
 * @param fractions shares that sum to 1.
 */
export function stratifiedSplit<Sample, Batch = Collated<Sample>>(
  dataset: Dataset<Sample, Batch>,
  labels: ArrayLike<number | string>,
  fractions: readonly number[],
  options: SplitOptions = {},
): Subset<Sample, Batch>[] {
  if (labels.length !== dataset.length) {
    throw new ShapeError(`stratifiedSplit: ${labels.length} labels for ${dataset.length} samples`);
  }
  const seed = seedOf(options.generator);
  const parts: number[][] = fractions.map(() => []);
  let classNumber = 0;
  for (const members of groupByClass(labels).values()) {
    const order = shuffled(members, derivedGenerator(seed, STREAMS.split, 1 + classNumber++));
    cut(order, fractionSizes('stratifiedSplit', order.length, fractions)).forEach((indices, i) => {
      for (const index of indices) parts[i].push(index);
    });
  }
  return parts.map(
    (indices, i) => new Subset(dataset, shuffled(indices, derivedGenerator(seed, STREAMS.split, 0, i))),
  );
}

/** The indices of each class, in order of first appearance. */
export function groupByClass(labels: ArrayLike<number | string>): Map<number | string, number[]> {
  const groups = new Map<number | string, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const members = groups.get(labels[i]);
    if (members) members.push(i);
    else groups.set(labels[i], [i]);
  }
  return groups;
}

function subsetSizes(who: string, total: number, lengths: readonly number[]): number[] {
  if (lengths.length > 0 && lengths.every((n) => Number.isInteger(n) && n >= 0)) {
    const sum = lengths.reduce((a, b) => a + b, 0);
    if (sum === total) return [...lengths];
    if (sum !== 1) throw new ValueError(`${who}: lengths sum to ${sum}, the dataset has ${total} samples`);
  }
  return fractionSizes(who, total, lengths);
}

function fractionSizes(who: string, total: number, fractions: readonly number[]): number[] {
  const sum = fractions.reduce((a, b) => a + b, 0);
  if (!fractions.every((f) => f >= 0 && f <= 1) || Math.abs(sum - 1) > 1e-9) {
    throw new ValueError(
      `${who}: expected fractions between 0 and 1 that sum to 1, got [${fractions.join(', ')}]`,
    );
  }
  // 0.1 · 10 = 1 must not become 0 for the sake of the last bit.
  const sizes = fractions.map((f) => Math.floor(f * total + 1e-9));
  let rest = total - sizes.reduce((a, b) => a + b, 0);
  for (let i = 0; rest > 0; i = (i + 1) % sizes.length, rest--) sizes[i]++;
  return sizes;
}

function cut(order: Int32Array, sizes: readonly number[]): Int32Array[] {
  let end = 0;
  return sizes.map((size) => {
    end += size;
    return order.slice(end - size, end);
  });
}
