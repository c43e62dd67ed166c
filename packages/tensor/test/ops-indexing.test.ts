/** Reading and writing at positions: values, negative positions, duplicates. */
import { beforeAll, describe, expect, test } from 'vitest';
import { reference } from '../src/backend/reference.js';
import { arange, tensor, use, zeros } from '../src/index.js';

beforeAll(async () => {
  await use(reference(), { log: false });
});

const int = (values: number | number[] | number[][]) => tensor(values, { dtype: 'int32' });
const x23 = () =>
  tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);

describe('reading', () => {
  test('gather', async () => {
    expect(
      await x23()
        .gather(
          1,
          int([
            [2, 0],
            [1, 1],
          ]),
        )
        .array(),
    ).toEqual([
      [3, 1],
      [5, 5],
    ]);
    expect(
      await x23()
        .gather(0, int([[1, 0, 1]]))
        .array(),
    ).toEqual([[4, 2, 6]]);
    // The index may be smaller than the input in other dimensions.
    expect(
      await x23()
        .gather(1, int([[2]]))
        .array(),
    ).toEqual([[3]]);
    expect(await tensor(7).gather(0, int(0)).array()).toBe(7);
    expect(x23().gather(0, zeros([0, 3], { dtype: 'int32' })).shape).toEqual([0, 3]);
  });

  test('an index of bytes', async () => {
    const index = tensor(Uint8Array.of(1, 0));
    expect(await x23().indexSelect(0, index).array()).toEqual([
      [4, 5, 6],
      [1, 2, 3],
    ]);
  });

  test('indexSelect', async () => {
    expect(
      await x23()
        .indexSelect(1, int([2, 2, 0]))
        .array(),
    ).toEqual([
      [3, 3, 1],
      [6, 6, 4],
    ]);
    expect(x23().indexSelect(0, int([])).shape).toEqual([0, 3]);
    expect(
      await tensor(7)
        .indexSelect(0, int([0]))
        .array(),
    ).toBe(7);
  });

  test('take and takeAlongDim wrap negative positions', async () => {
    expect(
      await x23()
        .take(
          int([
            [0, -1],
            [2, 3],
          ]),
        )
        .array(),
    ).toEqual([
      [1, 6],
      [3, 4],
    ]);
    expect(
      await x23()
        .takeAlongDim(int([[0], [-1]]), 1)
        .array(),
    ).toEqual([[1], [6]]);
    expect(
      await x23()
        .takeAlongDim(int([[-1]]), 1)
        .array(),
    ).toEqual([[3], [6]]);
    expect(
      await x23()
        .takeAlongDim(int([5, 0]))
        .array(),
    ).toEqual([6, 1]);
  });

  test('computed positions out of range read 0', async () => {
    expect(
      await x23()
        .indexSelect(1, int([1, 2]).add(1))
        .array(),
    ).toEqual([
      [3, 0],
      [6, 0],
    ]);
  });

  test('oneHot', async () => {
    expect(await int([1, 0]).oneHot(3).array()).toEqual([
      [0, 1, 0],
      [1, 0, 0],
    ]);
    expect(int([0, 3]).oneHot().shape).toEqual([2, 4]);
    expect(int(2).oneHot(4).dtype).toBe('int32');
  });
});

describe('writing', () => {
  test('scatter replaces, adds, multiplies', async () => {
    const index = int([
      [0, 2],
      [1, 1],
    ]);
    const source = tensor([
      [10, 20],
      [30, 40],
    ]);
    expect(
      await x23()
        .scatter(
          1,
          int([
            [0, 2],
            [1, 0],
          ]),
          source,
        )
        .array(),
    ).toEqual([
      [10, 2, 20],
      [40, 30, 6],
    ]);
    expect(await x23().scatterAdd(1, index, source).array()).toEqual([
      [11, 2, 23],
      [4, 75, 6],
    ]);
    expect(await x23().scatter(1, index, source, { reduce: 'multiply' }).array()).toEqual([
      [10, 2, 60],
      [4, 6000, 6],
    ]);
    expect(
      await zeros([2, 3])
        .scatter(1, int([[1], [2]]), 1)
        .array(),
    ).toEqual([
      [0, 1, 0],
      [0, 0, 1],
    ]);
    // The source may be larger than the index.
    expect(
      await zeros([3])
        .scatter(0, int([2]), tensor([5, 6, 7]))
        .array(),
    ).toEqual([0, 0, 5]);
  });

  test('scatterReduce with and without the own elements', async () => {
    const index = int([0, 0, 2]);
    const source = tensor([4, -6, 8]);
    const x = () => tensor([1, 2, 3]);
    expect(await x().scatterReduce(0, index, source, 'sum').array()).toEqual([-1, 2, 11]);
    expect(await x().scatterReduce(0, index, source, 'prod').array()).toEqual([-24, 2, 24]);
    expect(await x().scatterReduce(0, index, source, 'amax').array()).toEqual([4, 2, 8]);
    expect(await x().scatterReduce(0, index, source, 'amin').array()).toEqual([-6, 2, 3]);
    expect(await x().scatterReduce(0, index, source, 'amin', { includeSelf: false }).array()).toEqual([
      -6, 2, 8,
    ]);
    expect(await x().scatterReduce(0, index, source, 'mean', { includeSelf: false }).array()).toEqual([
      -1, 2, 8,
    ]);
    expect(await x().scatterReduce(0, index, source, 'mean').array()).toEqual([Math.fround(-1 / 3), 2, 5.5]);
    const ints = int([5, 5, 5]).scatterReduce(0, index, int([-7, -2, 1]), 'amax', { includeSelf: false });
    expect(await ints.array()).toEqual([-2, 5, 1]);
  });

  test('indexAdd, indexCopy, indexFill', async () => {
    const rows = tensor([
      [1, 1, 1],
      [2, 2, 2],
    ]);
    expect(
      await x23()
        .indexAdd(0, int([1, 1]), rows)
        .array(),
    ).toEqual([
      [1, 2, 3],
      [7, 8, 9],
    ]);
    expect(
      await x23()
        .indexAdd(0, int([0, 1]), rows, { alpha: -1 })
        .array(),
    ).toEqual([
      [0, 1, 2],
      [2, 3, 4],
    ]);
    expect(
      await x23()
        .indexCopy(1, int([2]), tensor([[9], [8]]))
        .array(),
    ).toEqual([
      [1, 2, 9],
      [4, 5, 8],
    ]);
    expect(
      await x23()
        .indexFill(1, int([0, 2]), 7)
        .array(),
    ).toEqual([
      [7, 2, 7],
      [7, 5, 7],
    ]);
  });

  test('bools: sums are or', async () => {
    const hits = tensor([false, false, true]).scatterAdd(0, int([0, 0]), tensor([true, true]));
    expect(await hits.array()).toEqual([true, false, true]);
  });

  test('computed positions out of range are skipped', async () => {
    const index = arange(3).add(1);
    expect(
      await zeros([3])
        .scatter(0, index, tensor([1, 2, 3]))
        .array(),
    ).toEqual([0, 1, 2]);
  });
});
