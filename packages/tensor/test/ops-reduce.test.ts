/** Reductions, scans, statistics, order: values at the hard places. */
import { beforeAll, describe, expect, test } from 'vitest';
import { reference } from '../src/backend/reference.js';
import { full, ones, randn, type Tensor, tensor, use, zeros } from '../src/index.js';

beforeAll(async () => {
  await use(reference(), { log: false });
});

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const x23 = () =>
  tensor([
    [1, 5, 3],
    [4, 2, 6],
  ]);

async function expectClose(t: Tensor, expected: readonly number[]): Promise<void> {
  const values = [...(await t.data())];
  expect(values).toHaveLength(expected.length);
  expected.forEach((e, i) => {
    if (Number.isFinite(e)) expect(values[i]).toBeCloseTo(e, 5);
    else expect(values[i]).toBe(e);
  });
}

describe('sums', () => {
  test('dims, keepdim, all', async () => {
    expect(await x23().sum().item()).toBe(21);
    expect(await x23().sum(0).array()).toEqual([5, 7, 9]);
    expect(await x23().sum(-1, { keepdim: true }).array()).toEqual([[9], [12]]);
    expect(x23().sum([0, 1], { keepdim: true }).shape).toEqual([1, 1]);
    expect(x23().sum([]).shape).toEqual([]);
    expect(await x23().mean(1).array()).toEqual([3, 4]);
    expect(await x23().prod(0).array()).toEqual([4, 10, 18]);
    expect(await tensor(3).sum().item()).toBe(3);
    expect(await tensor(3).sum(0, { keepdim: true }).item()).toBe(3);
  });

  test('the outer product of a vector that was scaled by its own sum', async () => {
    const x = tensor([4, 1, 3]);
    const share = x.sort()[0].div(x.sum());
    const product = share.unsqueeze(1).mul(share.unsqueeze(0));
    expect(await product.mul(64).array()).toEqual([
      [1, 3, 4],
      [3, 9, 12],
      [4, 12, 16],
    ]);
  });

  test('a vector read along rows and along columns at once', async () => {
    const scale = tensor([4, 16]).sqrt();
    const rows = tensor([
      [1, 2],
      [3, 1],
    ]).div(scale.unsqueeze(1));
    const both = rows.div(scale.unsqueeze(0));
    expect(await both.sum(0).add(rows.sum(1)).array()).toEqual([2.125, 1.3125]);
  });

  test('dtypes', async () => {
    expect(tensor([true, true]).sum().dtype).toBe('int32');
    expect(await tensor([true, true]).sum().item()).toBe(2);
    const bytes = full([3], 200, { dtype: 'uint8' });
    expect(await bytes.sum().item()).toBe(600);
    expect(await bytes.sum(0, { dtype: 'float32' }).item()).toBe(600);
    expect(await bytes.mean(0, { dtype: 'float32' }).item()).toBe(200);
    expect(bytes.cumsum(0).dtype).toBe('int32');
  });

  test('over nothing', async () => {
    expect(await zeros([0, 2]).sum(0).array()).toEqual([0, 0]);
    expect(await zeros([0, 2]).prod(0).array()).toEqual([1, 1]);
    expect(await zeros([0]).mean().item()).toBe(nan);
    expect(await zeros([0]).any().item()).toBe(0);
    expect(await zeros([0]).all().item()).toBe(1);
    expect(zeros([0, 2]).sum(1).shape).toEqual([0]);
  });
});

describe('extremes', () => {
  test('values and positions', async () => {
    expect(await x23().max().item()).toBe(6);
    expect(await x23().amin(0).array()).toEqual([1, 2, 3]);
    const [values, indices] = x23().max(1);
    expect(await values.array()).toEqual([5, 6]);
    expect(await indices.array()).toEqual([1, 2]);
    expect(x23().min(0, { keepdim: true })[1].shape).toEqual([1, 3]);
    expect(await x23().argmax().item()).toBe(5);
    expect(await x23().argmin(0).array()).toEqual([0, 1, 0]);
    expect(
      await x23()
        .max(tensor([2, 2, 4]))
        .array(),
    ).toEqual([
      [2, 5, 4],
      [4, 2, 6],
    ]);
  });

  test('the first on ties, NaN above all', async () => {
    expect(await tensor([2, 7, 7]).argmax().item()).toBe(1);
    expect(await tensor([2, nan, 7, nan]).argmax().item()).toBe(1);
    expect(await tensor([2, nan, 7]).amax().item()).toBe(nan);
    expect(await tensor([2, nan, 7]).min(0)[0].item()).toBe(nan);
    expect(await tensor([false, true]).max(0)[1].item()).toBe(1);
  });

  test('any, all, countNonzero', async () => {
    const m = tensor([
      [0, 2],
      [0, 0],
      [1, 1],
    ]);
    expect(await m.any(1).array()).toEqual([true, false, true]);
    expect(await m.all(1).array()).toEqual([false, false, true]);
    expect(await m.countNonzero(0).array()).toEqual([1, 2]);
    expect(await m.countNonzero().item()).toBe(3);
  });
});

describe('statistics', () => {
  test('variance and standard deviation', async () => {
    const x = tensor([
      [1, 2, 3, 4],
      [2, 2, 2, 2],
    ]);
    await expectClose(x.var(1), [5 / 3, 0]);
    await expectClose(x.var(1, { unbiased: false }), [1.25, 0]);
    await expectClose(x.std(1, { correction: 2, keepdim: true }), [Math.sqrt(2.5), 0]);
    const [v, m] = x.varMean(1);
    await expectClose(v, [5 / 3, 0]);
    expect(await m.array()).toEqual([2.5, 2]);
    await expectClose(tensor([5]).var(), [nan]);
  });

  test('the mean is taken out before squaring', async () => {
    await expectClose(tensor([1e4, 1e4 + 1, 1e4 + 2]).var(), [1]);
  });

  test('norms', async () => {
    const x = tensor([3, -4, 0]);
    await expectClose(x.norm(), [5]);
    await expectClose(x.norm('fro'), [5]);
    await expectClose(x.norm(1), [7]);
    await expectClose(x.norm(3), [(27 + 64) ** (1 / 3)]);
    expect(await x.norm(inf).item()).toBe(4);
    expect(await x.norm(-inf).item()).toBe(0);
    expect(await x.norm(0).item()).toBe(2);
    expect(await zeros([2]).norm().item()).toBe(0);
    expect(x23().norm(2, 1, { keepdim: true }).shape).toEqual([2, 1]);
  });

  test('logsumexp and softmax do not overflow', async () => {
    const x = tensor([
      [1000, 1000],
      [-inf, -inf],
      [inf, 0],
    ]);
    await expectClose(x.logsumexp(1), [Math.fround(1000 + Math.LN2), -inf, inf]);
    await expectClose(tensor([1000, 1000]).softmax(0), [0.5, 0.5]);
    await expectClose(tensor([0, -2000]).logSoftmax(0), [0, -2000]);
    await expectClose(tensor([-inf, 0]).softmax(0), [0, 1]);
    expect(tensor([1]).softmax(0, { dtype: 'float64' }).dtype).toBe('float64');
    expect(zeros([0, 3]).softmax(0).shape).toEqual([0, 3]);
  });
});

describe('scans', () => {
  test('sums and products', async () => {
    expect(await x23().cumsum(1).array()).toEqual([
      [1, 6, 9],
      [4, 6, 12],
    ]);
    expect(await x23().cumprod(0).array()).toEqual([
      [1, 5, 3],
      [4, 10, 18],
    ]);
    expect(await tensor(3).cumsum(0).item()).toBe(3);
  });

  test('running extremes: the last place on ties, NaN stays', async () => {
    const [v, i] = tensor([1, 3, 3, 2, 4]).cummax(0);
    expect(await v.array()).toEqual([1, 3, 3, 3, 4]);
    expect(await i.array()).toEqual([0, 1, 2, 2, 4]);
    const [w, j] = tensor([2, nan, 1]).cummin(0);
    expect(await w.array()).toEqual([2, nan, nan]);
    expect(await j.array()).toEqual([0, 1, 1]);
  });
});

describe('order', () => {
  test('sort and argsort are stable, NaN last', async () => {
    const x = tensor([3, nan, 1, 3, -inf]);
    expect(await x.argsort().array()).toEqual([4, 2, 0, 3, 1]);
    const [v, i] = x.sort(0, { descending: true });
    expect(await v.array()).toEqual([nan, 3, 3, 1, -inf]);
    expect(await i.array()).toEqual([1, 0, 3, 2, 4]);
    expect(await x23().sort(0)[0].array()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });

  test('topk', async () => {
    const [v, i] = x23().topk(2, 1);
    expect(await v.array()).toEqual([
      [5, 3],
      [6, 4],
    ]);
    expect(await i.array()).toEqual([
      [1, 2],
      [2, 0],
    ]);
    expect(await x23().topk(1, 0, { largest: false })[0].array()).toEqual([[1, 2, 3]]);
    expect(x23().topk(0)[0].shape).toEqual([2, 0]);
  });

  test('values carry gradients to the places they were taken from', () => {
    const x = randn([2, 3]).requiresGrad_();
    for (const t of [x.max(1)[0], x.sort(1)[0], x.topk(2)[0]]) {
      expect(t.requiresGrad).toBe(true);
      expect([t.node.op, t.node.inputs[0].op]).toContain('gather');
    }
    expect(x.max(1)[1].requiresGrad).toBe(false);
    expect(x.softmax(1).requiresGrad).toBe(true);
    expect(ones([2]).max(0)[0].requiresGrad).toBe(false);
  });
});
