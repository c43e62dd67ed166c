/** Functions that PyTorch's users call now and then: values by hand, and wrong use. */
import { beforeAll, describe, expect, test } from 'vitest';
import { reference } from '../src/backend/reference.js';
import {
  constantPadNd,
  cov,
  equal,
  indexPut,
  indexReduce,
  linspace,
  logspace,
  msort,
  nanmedian,
  tensor,
  tensorSplit,
  use,
} from '../src/index.js';

beforeAll(async () => {
  await use(reference(), { log: false });
});

const NAN = Number.NaN;
const int = (...values: number[]) => tensor(values, { dtype: 'int32' });

describe('order', () => {
  test('nanmedian takes the lower middle of what is there', async () => {
    const x = tensor([
      [NAN, 3, 1, 2],
      [NAN, NAN, NAN, NAN],
    ]);
    const [values, indices] = nanmedian(x, 1);
    expect(await values.array()).toEqual([2, NAN]);
    expect((await indices.array()) as number[]).toEqual([3, 0]);
    expect(await nanmedian(x).item()).toBe(2);
    expect(nanmedian(x, 1, { keepdim: true })[0].shape).toEqual([2, 1]);
  });

  test('msort sorts columns', async () => {
    expect(await msort(tensor([[3], [1], [2]])).array()).toEqual([[1], [2], [3]]);
  });
});

describe('equal', () => {
  test('compares shapes and all elements', async () => {
    expect(await equal(tensor([1, 2]), tensor([1, 2]))).toBe(true);
    expect(await equal(tensor([1, 2]), tensor([1, 3]))).toBe(false);
    expect(await equal(tensor([1, 1]), tensor(1))).toBe(false);
    expect(await equal(tensor([NAN]), tensor([NAN]))).toBe(false);
    expect(await equal(tensor([]), tensor([]))).toBe(true);
  });
});

describe('sequences', () => {
  test('logspace', async () => {
    expect(await logspace(0, 3, 4).array()).toEqual([1, 10, 100, 1000]);
    expect(await logspace(0, 3, 4, 2, { dtype: 'int32' }).array()).toEqual([1, 2, 4, 8]);
    expect(await logspace(2, 5, 1).array()).toEqual([100]);
    expect(() => logspace(0, 1, -1)).toThrow('logspace: sizes must be integers of at least 0, got [-1]');
  });

  test('integers of linspace round towards zero from the start of each group of four', async () => {
    expect(await linspace(0, 7, 5, { dtype: 'int32' }).array()).toEqual([0, 1, 3, 5, 7]);
    expect(await linspace(50, 0, 50, { dtype: 'int32' }).slice(0, 4, 8).array()).toEqual([45, 43, 42, 41]);
  });
});

describe('padding and splitting', () => {
  test('constantPadNd counts from the last dimension', async () => {
    expect(await constantPadNd(tensor([[1, 2]]), [1, -1, 0, 1], 9).array()).toEqual([
      [9, 1],
      [9, 9],
    ]);
    expect(() => constantPadNd(tensor([1]), [1, 1, 1])).toThrow(/3 amounts are no pairs/);
    expect(() => constantPadNd(tensor([1]), [1, 1, 1, 1])).toThrow(/at most 1 dimensions/);
  });

  test('tensorSplit takes positions as a tensor of host data', async () => {
    const pieces = tensorSplit(tensor([1, 2, 3, 4, 5]), int(1, 4));
    expect(await Promise.all(pieces.map((p) => p.array()))).toEqual([[1], [2, 3, 4], [5]]);
    expect(tensorSplit(tensor([1, 2, 3]), tensor(2, { dtype: 'int32' }))).toHaveLength(2);
    expect(() => tensorSplit(tensor([1, 2]), 0)).toThrow(/positive integer, got 0/);
    expect(() => tensorSplit(tensor([1, 2]), int(1).add(0))).toThrow(/must be host data/);
  });
});

describe('writing at positions', () => {
  const zeros = () => tensor([0, 0, 0, 0]).reshape(2, 2);

  test('indexPut sets or accumulates, negative positions count from the end', async () => {
    const at = [int(0, -1), int(1, 1)];
    expect(await indexPut(zeros(), at, tensor([5, 6])).array()).toEqual([
      [0, 5],
      [0, 6],
    ]);
    const twice = indexPut(zeros(), [int(1, 1)], tensor([1, 2]), { accumulate: true });
    expect(await twice.array()).toEqual([
      [0, 0],
      [2, 4],
    ]);
    expect(() => indexPut(zeros(), [], tensor(1))).toThrow(/0 index tensors/);
    expect(() => indexPut(zeros(), [int(2)], tensor(1))).toThrow(/index 2 at position 0 is out of range/);
  });

  test('indexReduce combines slices', async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const source = tensor([
      [10, 20],
      [30, 40],
    ]);
    expect(await indexReduce(x, 0, int(1, 1), source, 'amax').array()).toEqual([
      [1, 2],
      [30, 40],
    ]);
    expect(await indexReduce(x, 1, int(0, 0), source, 'mean', { includeSelf: false }).array()).toEqual([
      [15, 2],
      [35, 4],
    ]);
    expect(() => indexReduce(x, 0, int(0, 1).reshape(1, 2), source, 'amax')).toThrow(/must be a vector/);
  });
});

test('cov weighs observations', async () => {
  const x = tensor([
    [1, 2, 4],
    [2, 4, 8],
  ]);
  const doubled = tensor([
    [1, 2, 2, 4],
    [2, 4, 4, 8],
  ]);
  const byCount = (await cov(x, { fweights: int(1, 2, 1) }).data()) as Float32Array;
  const byHand = (await cov(doubled).data()) as Float32Array;
  byCount.forEach((v, i) => {
    expect(v).toBeCloseTo(byHand[i], 5);
  });
  expect(() => cov(x, { aweights: tensor([1]) })).toThrow(/one entry for each of 3 observations/);
});
