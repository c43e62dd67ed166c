/** Products and convolution: rank rules, batches, geometry; against plain loops. */
import { beforeAll, describe, expect, test } from 'vitest';
import { reference } from '../src/backend/reference.js';
import { arange, type ConvAttrs, conv, ones, randint, type Tensor, use, zeros } from '../src/index.js';

beforeAll(async () => {
  await use(reference(), { log: false });
});

const small = (...shape: number[]) => randint(-4, 5, shape).float();

/** Product of two matrices given as arrays. */
const product = (a: number[][], b: number[][]) =>
  a.map((row) => b[0].map((_, j) => row.reduce((sum, v, k) => sum + v * b[k][j], 0)));

const matrices = async (t: Tensor) => (await t.array()) as number[][];

describe('matmul', () => {
  test('matrices', async () => {
    const [a, b] = [small(3, 4), small(4, 5)];
    expect(await a.matmul(b).array()).toEqual(product(await matrices(a), await matrices(b)));
    expect(await a.mm(b).array()).toEqual(await a.matmul(b).array());
  });

  test('vectors', async () => {
    const [v, m] = [arange(3).float(), arange(6).float().reshape(2, 3)];
    expect(await v.dot(v).item()).toBe(5);
    expect(await m.mv(v).array()).toEqual([5, 14]);
    expect(await v.matmul(m.T).array()).toEqual([5, 14]);
    expect(small(5, 2, 3).matmul(v).shape).toEqual([5, 2]);
    expect(v.matmul(small(5, 3, 4)).shape).toEqual([5, 4]);
  });

  test('batches: one large product with a matrix, broadcast otherwise', async () => {
    const [a, b] = [small(5, 2, 3), small(3, 4)];
    const folded = a.matmul(b);
    expect(folded.shape).toEqual([5, 2, 4]);
    expect(folded.node.inputs[0]).toMatchObject({ op: 'matmul', shape: [10, 4] });
    expect(await folded.select(0, 3).array()).toEqual(
      product(await matrices(a.select(0, 3)), await matrices(b)),
    );

    const [c, d] = [small(2, 1, 2, 3), small(5, 3, 2)];
    const broadcast = c.matmul(d);
    expect(broadcast.shape).toEqual([2, 5, 2, 2]);
    expect(await broadcast.at(1, 4).array()).toEqual(
      product(await matrices(c.at(1, 0)), await matrices(d.at(4))),
    );
    expect(small(2, 3).matmul(small(5, 3, 4)).shape).toEqual([5, 2, 4]);
    expect(a.bmm(small(5, 3, 1)).shape).toEqual([5, 2, 1]);
  });

  test('empty sizes', async () => {
    expect(
      await zeros([2, 0])
        .matmul(zeros([0, 3]))
        .array(),
    ).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(zeros([0, 2]).matmul(zeros([2, 3])).shape).toEqual([0, 3]);
  });

  test('integers', async () => {
    const i = arange(4).reshape(2, 2);
    expect(i.matmul(i).dtype).toBe('int32');
    expect(await i.matmul(i).array()).toEqual([
      [2, 3],
      [6, 11],
    ]);
  });
});

const plain: ConvAttrs = { stride: [1], padding: [[0, 0]], dilation: [1], inputDilation: [1], groups: 1 };

/** The definition of a 1-d convolution, one output element at a time. */
function conv1d(x: number[][][], w: number[][][], a: ConvAttrs): number[][][] {
  const [stride, [low, high], dilation, spread] = [
    a.stride[0],
    a.padding[0],
    a.dilation[0],
    a.inputDilation[0],
  ];
  const [perGroup, taps] = [w[0].length, w[0][0].length];
  const size = (x[0][0].length - 1) * spread + 1 + low + high;
  const steps = Math.floor((size - (taps - 1) * dilation - 1) / stride) + 1;
  const at = (row: number[], p: number) => (p % spread === 0 ? (row[p / spread] ?? 0) : 0);
  return x.map((channels) =>
    w.map((kernel, o) =>
      Array.from({ length: steps }, (_, y) => {
        const first = Math.floor(o / (w.length / a.groups)) * perGroup;
        let sum = 0;
        for (const [c, row] of kernel.entries())
          for (const [t, v] of row.entries())
            sum += v * at(channels[first + c], y * stride + t * dilation - low);
        return sum;
      }),
    ),
  );
}

describe('conv', () => {
  const cases: [string, Partial<ConvAttrs>, number[], number[]][] = [
    ['plain', {}, [2, 3, 7], [4, 3, 3]],
    ['stride and uneven padding', { stride: [2], padding: [[2, 1]] }, [2, 3, 7], [4, 3, 3]],
    ['dilation', { dilation: [2], padding: [[1, 1]] }, [1, 2, 8], [3, 2, 3]],
    ['groups', { groups: 2 }, [2, 4, 6], [6, 2, 3]],
    ['depthwise', { groups: 3, padding: [[1, 1]] }, [1, 3, 5], [3, 1, 3]],
    ['zeros between inputs', { inputDilation: [3], padding: [[2, 2]] }, [1, 2, 4], [3, 2, 3]],
    ['negative padding crops', { padding: [[-1, -2]] }, [1, 2, 8], [3, 2, 3]],
  ];
  test.each(cases)('%s', async (_name, attrs, inputShape, weightShape) => {
    const [x, w] = [small(...inputShape), small(...weightShape)];
    const a = { ...plain, ...attrs };
    const expected = conv1d((await x.array()) as number[][][], (await w.array()) as number[][][], a);
    const y = conv(x, w, a);
    expect(y.shape).toEqual([expected.length, expected[0].length, expected[0][0].length]);
    expect(await y.array()).toEqual(expected);
  });

  test('two dimensions and none', async () => {
    const attrs: ConvAttrs = {
      stride: [1, 2],
      padding: [
        [1, 1],
        [0, 0],
      ],
      dilation: [1, 1],
      inputDilation: [1, 1],
      groups: 1,
    };
    const y = conv(ones([1, 2, 3, 5]), ones([1, 2, 3, 3]), attrs);
    expect(await y.array()).toEqual([
      [
        [
          [12, 12],
          [18, 18],
          [12, 12],
        ],
      ],
    ]);
    const none: ConvAttrs = { stride: [], padding: [], dilation: [], inputDilation: [], groups: 1 };
    expect(
      await conv(ones([2, 3]), ones([4, 3]), none)
        .sum()
        .item(),
    ).toBe(24);
  });
});
