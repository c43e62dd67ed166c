/** Movement, joining and Python indexing: values against what PyTorch gives. */
import { beforeAll, describe, expect, test } from 'vitest';
import { reference } from '../src/backend/reference.js';
import { arange, cat, full, stack, tensor, use } from '../src/index.js';

beforeAll(async () => {
  await use(reference(), { log: false });
});

const x23 = () =>
  tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
const count = (...shape: number[]) => arange(shape.reduce((a, b) => a * b, 1)).reshape(shape);

describe('shapes', () => {
  test('reshape, flatten, unflatten', async () => {
    expect(await x23().reshape(3, -1).array()).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(await x23().view([6]).array()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(count(2, 3, 4).flatten().shape).toEqual([24]);
    expect(count(2, 3, 4).flatten(1).shape).toEqual([2, 12]);
    expect(count(2, 3, 4).flatten(0, 1).shape).toEqual([6, 4]);
    expect(tensor(3).flatten().shape).toEqual([1]);
    expect(count(2, 12).unflatten(1, [3, -1]).shape).toEqual([2, 3, 4]);
    expect(count(0, 3).reshape(3, 0).shape).toEqual([3, 0]);
  });

  test('squeeze and unsqueeze', () => {
    expect(count(1, 3, 1).squeeze().shape).toEqual([3]);
    expect(count(1, 3, 1).squeeze(1).shape).toEqual([1, 3, 1]);
    expect(count(1, 3, 1).squeeze([0, -1]).shape).toEqual([3]);
    expect(count(3).unsqueeze(0).shape).toEqual([1, 3]);
    expect(count(3).unsqueeze(-1).shape).toEqual([3, 1]);
    expect(tensor(1).squeeze(0).shape).toEqual([]);
  });

  test('permute, transpose, movedim', async () => {
    expect(await x23().T.array()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(await count(2, 1, 3).permute(2, 1, 0).array()).toEqual([[[0, 3]], [[1, 4]], [[2, 5]]]);
    expect(count(2, 3, 4).mT.shape).toEqual([2, 4, 3]);
    expect(count(2, 3, 4, 5).movedim(0, -1).shape).toEqual([3, 4, 5, 2]);
    expect(count(2, 3, 4, 5).movedim([0, 1], [2, 0]).shape).toEqual([3, 4, 2, 5]);
  });

  test('expand and repeat', async () => {
    expect(
      await tensor([[1], [2]])
        .expand(-1, 3)
        .array(),
    ).toEqual([
      [1, 1, 1],
      [2, 2, 2],
    ]);
    expect(await tensor([1, 2]).broadcastTo([2, 2]).array()).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(await tensor([1, 2]).repeat(2, 2).array()).toEqual([
      [1, 2, 1, 2],
      [1, 2, 1, 2],
    ]);
    expect(await x23().tile(2).array()).toEqual([
      [1, 2, 3, 1, 2, 3],
      [4, 5, 6, 4, 5, 6],
    ]);
    expect(await tensor([1, 2]).repeatInterleave(2).array()).toEqual([1, 1, 2, 2]);
    expect(await x23().repeatInterleave(2, 0).array()).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [4, 5, 6],
      [4, 5, 6],
    ]);
  });
});

describe('parts', () => {
  test('slices clip and step', async () => {
    const x = arange(10);
    expect(await x.slice(0, 2, 8, 3).array()).toEqual([2, 5]);
    expect(await x.slice(0, -3).array()).toEqual([7, 8, 9]);
    expect(await x.slice(0, null, 100, 4).array()).toEqual([0, 4, 8]);
    expect(x.slice(0, 5, 2).shape).toEqual([0]);
    expect(await x.narrow(0, -4, 2).array()).toEqual([6, 7]);
    expect(await x.narrow(0, tensor(3).int(), 2).array()).toEqual([3, 4]);
    expect(await x23().select(1, -1).array()).toEqual([3, 6]);
    expect(await x23().flip(0, 1).array()).toEqual([
      [6, 5, 4],
      [3, 2, 1],
    ]);
  });

  test('split, chunk, unbind', async () => {
    expect(
      arange(7)
        .split(3)
        .map((t) => t.shape[0]),
    ).toEqual([3, 3, 1]);
    expect(await arange(7).split([2, 5])[1].array()).toEqual([2, 3, 4, 5, 6]);
    expect(
      arange(7)
        .chunk(3)
        .map((t) => t.shape[0]),
    ).toEqual([3, 3, 1]);
    expect(await x23().unbind(1)[2].array()).toEqual([3, 6]);
  });

  test('what is filled in has the dtype of the tensor', async () => {
    expect(
      await tensor([true])
        .pad([[1, 0]], 2)
        .data(),
    ).toEqual(Uint8Array.of(1, 1));
    expect(
      await tensor([5], { dtype: 'int32' })
        .pad([[0, 1]], -2.5)
        .data(),
    ).toEqual(Int32Array.of(5, -2));
    expect(await full([2], 3, { dtype: 'bool' }).data()).toEqual(Uint8Array.of(1, 1));
  });

  test('pad grows and crops', async () => {
    expect(
      await tensor([1, 2, 3])
        .pad([[1, 2]], 9)
        .array(),
    ).toEqual([9, 1, 2, 3, 9, 9]);
    expect(
      await tensor([1, 2, 3])
        .pad([[-1, 1]])
        .array(),
    ).toEqual([2, 3, 0]);
    expect(
      await tensor([1, 2, 3])
        .pad([[-1, -2]])
        .array(),
    ).toEqual([]);
  });

  test('roll', async () => {
    expect(await arange(5).roll(2).array()).toEqual([3, 4, 0, 1, 2]);
    expect(await x23().roll(-1, 1).array()).toEqual([
      [2, 3, 1],
      [5, 6, 4],
    ]);
    expect(await x23().roll(1).array()).toEqual([
      [6, 1, 2],
      [3, 4, 5],
    ]);
    expect(await x23().roll([1, 1], [0, 1]).array()).toEqual([
      [6, 4, 5],
      [3, 1, 2],
    ]);
  });
});

describe('joining', () => {
  test('cat and stack', async () => {
    expect(await cat([x23(), tensor([[7, 8, 9]])]).array()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]);
    expect(await cat([x23(), tensor([[0], [0]])], -1).array()).toEqual([
      [1, 2, 3, 0],
      [4, 5, 6, 0],
    ]);
    expect(await stack([tensor([1, 2]), tensor([3, 4])], 1).array()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect(await stack([tensor(1), tensor(2)]).array()).toEqual([1, 2]);
    expect(cat([tensor([1]), tensor([1], { dtype: 'float64' })]).dtype).toBe('float64');
    // An empty tensor of rank 1 joins anything, as in PyTorch.
    expect(cat([tensor([]), x23()]).shape).toEqual([2, 3]);
  });
});

describe('at', () => {
  const x = count(3, 4, 5);
  const flat = (t: { data(): Promise<ArrayLike<number>> }) => t.data().then((d) => Array.from(d));

  test('positions, slices, new dimensions', async () => {
    expect(await x.at(1, 2, 3).array()).toBe(33);
    expect(await x.at(-1, -1).array()).toEqual([55, 56, 57, 58, 59]);
    expect(x.at('...', 0).shape).toEqual([3, 4]);
    expect(x.at(0, null, '...', null).shape).toEqual([1, 4, 5, 1]);
    expect(await x.at(0, { start: 1, stop: 4, step: 2 }, { stop: 2 }).array()).toEqual([
      [5, 6],
      [15, 16],
    ]);
    expect(x.at().node).toBe(x.node);
  });

  test('integer tensors, as NumPy', async () => {
    const i = tensor([2, 0, -1], { dtype: 'int32' });
    expect(await x.at(i, 0, 0).array()).toEqual([40, 0, 40]);
    // Neighbouring index tensors keep their place, others go to the front.
    const j = tensor([[0], [3]], { dtype: 'int32' });
    expect(x.at({}, j, tensor([1, 2], { dtype: 'int32' })).shape).toEqual([3, 2, 2]);
    expect(await flat(x.at(0, j, tensor([1, 2], { dtype: 'int32' })))).toEqual([1, 2, 16, 17]);
    expect(x.at(tensor([0, 1], { dtype: 'int32' }), {}, tensor([1, 2], { dtype: 'int32' })).shape).toEqual([
      2, 4,
    ]);
    expect(
      await flat(x.at(tensor([0, 1], { dtype: 'int32' }), {}, tensor([1, 2], { dtype: 'int32' }))),
    ).toEqual([1, 6, 11, 16, 22, 27, 32, 37]);
    // Positions that are computed wrap too.
    expect(await x.at(i.sub(1), 0, 0).array()).toEqual([20, 40, 20]);
  });

  test('masks in host memory', async () => {
    const m = tensor([
      [true, false],
      [false, true],
    ]);
    expect(
      await tensor([
        [1, 2],
        [3, 4],
      ])
        .at(m)
        .array(),
    ).toEqual([1, 4]);
    expect(x.at(tensor([true, false, true])).shape).toEqual([2, 4, 5]);
    expect(x.at(tensor([false, false, false])).shape).toEqual([0, 4, 5]);
  });
});
