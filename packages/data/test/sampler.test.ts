import { Generator, manualSeed, ValueError } from '@neurite/tensor';
import { describe, expect, test } from 'vitest';
import {
  BatchSampler,
  RandomSampler,
  type Sampler,
  SequentialSampler,
  StratifiedSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from '../src/index.js';

const order = (sampler: Sampler, epoch: number): number[] => Array.from(sampler.indices(epoch));
const sorted = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

test('SequentialSampler counts', () => {
  expect(order(new SequentialSampler(4), 3)).toEqual([0, 1, 2, 3]);
  expect(() => new SequentialSampler(-1)).toThrow(ValueError);
});

describe('RandomSampler', () => {
  test('permutes, as a function of seed and epoch alone', () => {
    const sampler = new RandomSampler(100, { generator: new Generator(7) });
    const again = new RandomSampler(100, { generator: new Generator(7) });
    const other = new RandomSampler(100, { generator: new Generator(8) });
    expect(sorted(order(sampler, 0))).toEqual(upTo(100));
    expect(order(sampler, 5)).toEqual(order(again, 5));
    expect(order(sampler, 0)).toEqual(order(again, 0));
    expect(order(sampler, 0)).not.toEqual(order(sampler, 1));
    expect(order(sampler, 0)).not.toEqual(order(other, 0));
  });

  test('every permutation of three is about as frequent as the others', () => {
    const sampler = new RandomSampler(3, { generator: new Generator(1) });
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < 6000; epoch++) {
      const key = order(sampler, epoch).join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // Six standard deviations of a binomial count around 1000.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(6 * Math.sqrt(6000 / 6));
  });

  test('without a generator the seed comes from the default one', () => {
    manualSeed(3);
    const first = new RandomSampler(50);
    const second = new RandomSampler(50);
    manualSeed(3);
    expect(new RandomSampler(50).seed).toBe(first.seed);
    expect(second.seed).not.toBe(first.seed);
  });

  test('draws with replacement, and more than there are without', () => {
    const drawn = order(
      new RandomSampler(5, { replacement: true, numSamples: 1000, generator: new Generator(2) }),
      0,
    );
    expect(drawn).toHaveLength(1000);
    expect(sorted([...new Set(drawn)])).toEqual(upTo(5));
    const rounds = order(new RandomSampler(5, { numSamples: 12, generator: new Generator(2) }), 0);
    expect(sorted(rounds.slice(0, 5))).toEqual(upTo(5));
    expect(sorted(rounds.slice(5, 10))).toEqual(upTo(5));
    expect(rounds).toHaveLength(12);
    expect(() => new RandomSampler(0, { numSamples: 2 })).toThrow(ValueError);
  });
});

test('SubsetRandomSampler shuffles its indices', () => {
  const sampler = new SubsetRandomSampler([4, 8, 15, 16, 23, 42], { generator: new Generator(1) });
  expect(sorted(order(sampler, 0))).toEqual([4, 8, 15, 16, 23, 42]);
  expect(order(sampler, 0)).not.toEqual(order(sampler, 1));
});

describe('WeightedRandomSampler', () => {
  test('with replacement draws in proportion to the weights', () => {
    const drawn = order(new WeightedRandomSampler([0, 1, 3, 0], 8000, { generator: new Generator(1) }), 0);
    const count = (index: number): number => drawn.filter((i) => i === index).length;
    expect(count(0) + count(3)).toBe(0);
    expect(Math.abs(count(1) - 2000)).toBeLessThan(6 * Math.sqrt(8000 * 0.25 * 0.75));
  });

  test('without replacement draws each at most once, heavy ones first', () => {
    const sampler = new WeightedRandomSampler([1, 0, 1000, 1], 3, {
      replacement: false,
      generator: new Generator(1),
    });
    let heavyFirst = 0;
    for (let epoch = 0; epoch < 200; epoch++) {
      const drawn = order(sampler, epoch);
      expect(sorted(drawn)).toEqual([0, 2, 3]);
      if (drawn[0] === 2) heavyFirst++;
    }
    expect(heavyFirst).toBeGreaterThan(190);
  });

  test.each<[string, number[], number, boolean, RegExp]>([
    ['negative', [1, -1], 1, true, /weight 1 is -1/],
    ['not a number', [Number.NaN], 1, true, /weight 0 is NaN/],
    ['all zero', [0, 0], 1, true, /0 weights are positive, 1 are needed/],
    ['too few', [1, 0, 1], 3, false, /2 weights are positive, 3 are needed to draw 3 samples/],
  ])('rejects weights that are %s', (_, weights, n, replacement, message) => {
    expect(() => new WeightedRandomSampler(weights, n, { replacement })).toThrow(message);
  });
});

test('StratifiedSampler gives every batch the proportions of the whole', () => {
  const labels = Array.from({ length: 300 }, (_, i) => (i < 200 ? 'common' : i < 290 ? 'less' : 'rare'));
  const sampler = new StratifiedSampler(labels, { generator: new Generator(4) });
  const drawn = order(sampler, 2);
  expect(sorted(drawn)).toEqual(upTo(300));
  expect(drawn).not.toEqual(order(sampler, 3));
  for (let start = 0; start < 300; start += 30) {
    const batch = drawn.slice(start, start + 30).map((i) => labels[i]);
    const count = (label: string): number => batch.filter((l) => l === label).length;
    expect(Math.abs(count('common') - 20)).toBeLessThanOrEqual(2);
    expect(Math.abs(count('less') - 9)).toBeLessThanOrEqual(2);
    expect(count('rare')).toBeLessThanOrEqual(3);
  }
});

test('BatchSampler cuts an order into batches', () => {
  const batches = (dropLast: boolean): number[][] =>
    [...new BatchSampler(new SequentialSampler(5), 2, dropLast).batches(0)].map((batch) => Array.from(batch));
  expect(batches(false)).toEqual([[0, 1], [2, 3], [4]]);
  expect(batches(true)).toEqual([
    [0, 1],
    [2, 3],
  ]);
  expect(new BatchSampler(new SequentialSampler(5), 2).length).toBe(3);
  expect(() => new BatchSampler(new SequentialSampler(5), 0)).toThrow(/batchSize is 0/);
});
