import {
  DTypeError,
  Generator,
  IndexError,
  ShapeError,
  Tensor,
  tensor,
  use,
  ValueError,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  ArrayDataset,
  ConcatDataset,
  collate,
  hostArray,
  randomSplit,
  Subset,
  stratifiedSplit,
  TensorDataset,
} from '../src/index.js';
import { values } from './helpers.js';

beforeAll(async () => {
  await use(reference());
});

describe('hostArray', () => {
  test('takes its dtype from the array', () => {
    expect(hostArray(new Uint8Array(6), [2, 3])).toMatchObject({ shape: [2, 3], dtype: 'uint8' });
    expect(hostArray(new Uint8Array(2), [2], 'bool').dtype).toBe('bool');
    expect(hostArray(new Float32Array(2)).shape).toEqual([2]);
  });

  test('rejects shapes and dtypes that do not fit', () => {
    expect(() => hostArray(new Uint8Array(6), [2, 2])).toThrow(
      /shape \[2, 2\] holds 4 elements, the array has 6/,
    );
    expect(() => hostArray(new Float32Array(2), [2], 'int32')).toThrow(
      /int32 is not stored in a Float32Array/,
    );
    expect(() => hostArray(new BigInt64Array(2) as never)).toThrow(/BigInt64Array holds no dtype/);
  });
});

describe('TensorDataset', () => {
  const x = hostArray(
    Float32Array.from({ length: 12 }, (_, i) => i),
    [4, 3],
  );
  const y = hostArray(Int32Array.of(10, 11, 12, 13));

  test('batches host arrays by copying rows', async () => {
    const data = new TensorDataset(x, y);
    const [rows, labels] = data.getBatch([3, 0]);
    expect(rows.shape).toEqual([2, 3]);
    expect(await values(rows)).toEqual([9, 10, 11, 0, 1, 2]);
    expect(labels.dtype).toBe('int32');
    expect(await values(labels)).toEqual([13, 10]);
    expect(data.get(1)[0]).toEqual({ data: Float32Array.of(3, 4, 5), shape: [3], dtype: 'float32' });
  });

  test('batches tensors by their index', async () => {
    const data = new TensorDataset(
      tensor(Float32Array.of(1, 2, 3, 4, 5, 6), { shape: [3, 2] }),
      hostArray(Int32Array.of(7, 8, 9)),
    );
    const [rows, labels] = data.getBatch([2, 0]);
    expect(await values(rows)).toEqual([5, 6, 1, 2]);
    expect(await values(labels)).toEqual([9, 7]);
    expect(await values(data.get(1)[0])).toEqual([3, 4]);
  });

  test('rejects unequal lengths, scalars and wrong indices', () => {
    expect(() => new TensorDataset(x, hostArray(new Int32Array(3)))).toThrow(
      /tensor 0 has 4 rows, tensor 1 has 3/,
    );
    expect(() => new TensorDataset(hostArray(new Int32Array(1), []))).toThrow(ShapeError);
    expect(() => new TensorDataset()).toThrow(ValueError);
    expect(() => new TensorDataset(x).get(4)).toThrow(IndexError);
    expect(() => new TensorDataset(x).getBatch([0, -1])).toThrow(/index -1 is outside 0…3/);
  });
});

describe('Subset and ConcatDataset', () => {
  const letters = new ArrayDataset(['a', 'b', 'c', 'd']);

  test('Subset looks through its indices', async () => {
    const subset = new Subset(letters, [3, 1]);
    expect([subset.length, subset.get(0), subset.get(1)]).toEqual([2, 'd', 'b']);
    expect(subset.getBatch).toBeUndefined();
    expect(() => subset.get(2)).toThrow(IndexError);
    expect(() => new Subset(letters, [4])).toThrow(/index 4 is outside 0…3/);
    const numbers = new Subset(new TensorDataset(hostArray(Float32Array.of(1, 2, 3))), [2, 0]);
    const [batch] = await numbers.getBatch!([0, 1]);
    expect(await values(batch)).toEqual([3, 1]);
  });

  test('ConcatDataset puts datasets one after another', () => {
    const both = new ConcatDataset([letters, new ArrayDataset<string>([]), new ArrayDataset(['e'])]);
    expect([both.length, both.get(3), both.get(4)]).toEqual([5, 'd', 'e']);
    expect(() => both.get(5)).toThrow(IndexError);
    expect(() => new ConcatDataset([])).toThrow(ValueError);
  });
});

describe('splits', () => {
  const data = new ArrayDataset(Array.from({ length: 10 }, (_, i) => i));
  const members = (subset: Subset<number>): number[] => Array.from(subset.indices);

  test('randomSplit is disjoint, complete and a function of the seed', () => {
    const split = () => randomSplit(data, [7, 3], { generator: new Generator(5) }).map(members);
    const [train, rest] = split();
    expect([train.length, rest.length]).toEqual([7, 3]);
    expect([...train, ...rest].sort()).toEqual([...data.samples]);
    expect(split()).toEqual([train, rest]);
  });

  test('randomSplit takes fractions and rejects what does not sum up', () => {
    expect(randomSplit(data, [0.75, 0.25]).map((s) => s.length)).toEqual([8, 2]);
    expect(randomSplit(data, [0.1, 0.2, 0.7]).map((s) => s.length)).toEqual([1, 2, 7]);
    expect(() => randomSplit(data, [7, 2])).toThrow(/lengths sum to 9, the dataset has 10 samples/);
    expect(() => randomSplit(data, [0.5, 0.6])).toThrow(/fractions between 0 and 1 that sum to 1/);
  });

  test('stratifiedSplit keeps the share of every class', () => {
    const labels = data.samples.map((i) => (i < 5 ? 'x' : 'y'));
    const [train, rest] = stratifiedSplit(data, labels, [0.8, 0.2], { generator: new Generator(5) }).map(
      members,
    );
    expect([...train, ...rest].sort()).toEqual([...data.samples]);
    expect(train.filter((i) => i < 5)).toHaveLength(4);
    expect(rest.filter((i) => i < 5)).toHaveLength(1);
    expect(() => stratifiedSplit(data, ['x'], [1])).toThrow(/1 labels for 10 samples/);
  });
});

describe('collate', () => {
  test('stacks numbers, arrays, tensors and booleans', async () => {
    const batch = collate([
      {
        x: Float32Array.of(1, 2),
        y: 3,
        ok: true,
        name: 'a',
        pair: [hostArray(Int32Array.of(1), []), tensor(Float32Array.of(5))] as const,
      },
      {
        x: Float32Array.of(4, 5),
        y: 6,
        ok: false,
        name: 'b',
        pair: [hostArray(Int32Array.of(2), []), tensor(Float32Array.of(6))] as const,
      },
    ]);
    expect([batch.x.shape, batch.x.dtype]).toEqual([[2, 2], 'float32']);
    expect(await values(batch.x)).toEqual([1, 2, 4, 5]);
    expect(await values(batch.y)).toEqual([3, 6]);
    expect([batch.ok.dtype, await values(batch.ok)]).toEqual(['bool', [1, 0]]);
    expect(batch.name).toEqual(['a', 'b']);
    expect([batch.pair[0].dtype, batch.pair[0].shape]).toEqual(['int32', [2]]);
    expect(batch.pair[1]).toBeInstanceOf(Tensor);
    expect(batch.pair[1].shape).toEqual([2, 1]);
  });

  test.each<[string, unknown[], RegExp]>([
    [
      'shapes',
      [new Float32Array(2), new Float32Array(3)],
      /shapes differ: sample 0 has \[2\], sample 1 has \[3\]/,
    ],
    [
      'dtypes',
      [new Float32Array(2), new Int32Array(2)],
      /dtypes differ: sample 0 is float32, sample 1 is int32/,
    ],
    ['kinds', [1, 'a'], /sample 0 is a number, sample 1 is of type String/],
    ['lengths', [[1, 2], [1]], /sample 0 has 2 members, sample 1 has 1/],
    ['keys', [{ a: 1 }, { b: 1 }], /sample 0 has the keys a, sample 1 has b/],
    [
      'members',
      [
        [1, 2],
        [1, null],
      ],
      /sample\[1\] of sample 0 is a number, sample\[1\] of sample 1 is null/,
    ],
    ['kinds that have no batch', [new Date()], /sample 0 is of type Date, which has no batch/],
    ['nothing', [], /expected at least one sample/],
  ])('names differing %s', (_, samples, message) => {
    expect(() => collate(samples)).toThrow(message);
  });

  test('its errors are of the framework', () => {
    expect(() => collate([new Float32Array(2), new Float32Array(3)])).toThrow(ShapeError);
    expect(() => collate([1, 'a'] as unknown[])).toThrow(DTypeError);
  });
});
