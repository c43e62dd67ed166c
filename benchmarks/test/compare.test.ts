import { expect, test } from 'vitest';
import { differences, sameBits } from '../src/compare.js';
import { summarize } from '../src/statistics.js';

const results = (...peers: number[][][]) =>
  new Map(peers.map((arrays, i) => [`peer ${i}`, arrays.map((numbers) => Float32Array.from(numbers))]));

test('the median of times, and how far the quartiles are apart', () => {
  expect(summarize([4, 1, 3, 2, 5])).toEqual({ lowerQuartile: 2, median: 3, spread: 2 / 3 });
  expect(summarize([2, 1])).toEqual({ lowerQuartile: 1.25, median: 1.5, spread: 0.5 / 1.5 });
  expect(summarize([7])).toEqual({ lowerQuartile: 7, median: 7, spread: 0 });
});

test('a peer that is wrong is outvoted', () => {
  const off = differences(results([[1, 2, 4]], [[1, 2, 4]], [[1, 3, 4]]));
  expect([...off.values()]).toEqual([0, 0, 0.25]);
});

test('a small array is measured by its own size, not by that of a large one', () => {
  const off = differences(results([[1000], [0.5]], [[1000], [0.5]], [[1000], [0.75]]));
  expect([...off.values()]).toEqual([0, 0, 0.5]);
});

test('NaN, results of another length and too few results agree with nothing', () => {
  const off = differences(results([[1, 2]], [[1, 2]], [[1, Number.NaN]], [[1]], []));
  expect([...off.values()]).toEqual([
    0,
    0,
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
  ]);
});

test('two peers share their difference', () => {
  expect([...differences(results([[1]], [[3]])).values()]).toEqual([0.5, 0.5]);
});

test('the same bits: of all arrays, signs of zeros included', () => {
  const arrays = (...numbers: number[][]) => numbers.map((n) => Float32Array.from(n));
  expect(sameBits(arrays([1, 2], [3]), arrays([1, 2], [3]))).toBe(true);
  expect(sameBits(arrays([0]), arrays([-0]))).toBe(false);
  expect(sameBits(arrays([1]), arrays([1], [2]))).toBe(false);
  expect(sameBits(arrays([1]), arrays([1, 2]))).toBe(false);
});
