/** Elementwise ops: values at the hard places, promotion, and what is recorded. */
import { beforeAll, describe, expect, test } from 'vitest';
import { reference } from '../src/backend/reference.js';
import {
  bernoulli,
  type DType,
  full,
  maximum,
  ones,
  scalarInput,
  type Tensor,
  tensor,
  use,
  where,
  zeros,
} from '../src/index.js';

beforeAll(async () => {
  await use(reference(), { log: false });
});

const int = (...values: number[]) => tensor(values, { dtype: 'int32' });
const bool = (...values: boolean[]) => tensor(values);
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

async function expectClose(t: Tensor, expected: readonly number[], digits = 5): Promise<void> {
  const values = [...(await t.data())];
  expect(values).toHaveLength(expected.length);
  expected.forEach((e, i) => {
    if (Number.isFinite(e)) expect(values[i]).toBeCloseTo(e, digits);
    else expect(values[i]).toBe(e);
  });
}

describe('arithmetic', () => {
  test('broadcasts from the last dimension', async () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(await x.add(tensor([10, 20, 30])).array()).toEqual([
      [11, 22, 33],
      [14, 25, 36],
    ]);
    expect(await x.mul(tensor([[1], [-1]])).array()).toEqual([
      [1, 2, 3],
      [-4, -5, -6],
    ]);
    expect((await x.add(zeros([0, 1, 3])).data()).length).toBe(0);
  });

  test('alpha multiplies the other operand', async () => {
    expect(await int(5, 6).sub(int(1, 2), { alpha: 3 }).array()).toEqual([2, 0]);
    expect(await tensor([1]).add(2, { alpha: 0.5 }).array()).toEqual([2]);
  });

  test('true division makes integers float32, rounded division keeps them', async () => {
    const q = int(7, -7, 7, -7).div(int(2, 2, -2, -2));
    expect(q.dtype).toBe('float32');
    expect(await q.array()).toEqual([3.5, -3.5, -3.5, 3.5]);
    expect(
      await int(7, -7, 7, -7)
        .div(int(2, 2, -2, -2), { roundingMode: 'floor' })
        .array(),
    ).toEqual([3, -4, -4, 3]);
    expect(await int(7, -7).div(2, { roundingMode: 'trunc' }).array()).toEqual([3, -3]);
    expect(int(7).floorDivide(2).dtype).toBe('int32');
  });

  test('floor division of floats is Python’s', async () => {
    const x = tensor([1, -1, 1, 7.5, -7.5, 0.9]);
    const y = tensor([inf, inf, 0, 2, 2, 0.1]);
    // 0.9 / 0.1 rounds to 9, but ⌊0.9f / 0.1f⌋ is 8 in exact arithmetic.
    expect(await x.floorDivide(y).array()).toEqual([0, -1, inf, 3, -4, 8]);
  });

  test('remainder follows the divisor, fmod the dividend', async () => {
    expect(
      await int(7, -7, 7, -7)
        .remainder(int(3, 3, -3, -3))
        .array(),
    ).toEqual([1, 2, -2, -1]);
    expect(
      await int(7, -7, 7, -7)
        .fmod(int(3, 3, -3, -3))
        .array(),
    ).toEqual([1, -1, 1, -1]);
    expect(await tensor([-0.5]).remainder(2).array()).toEqual([1.5]);
  });

  test('bools add as or, multiply as and', async () => {
    const [a, b] = [bool(true, true, false), bool(true, false, false)];
    expect(await a.add(b).array()).toEqual([true, true, false]);
    expect(await a.mul(b).array()).toEqual([true, false, false]);
    expect(await a.add(1).array()).toEqual([2, 2, 1]);
  });

  test('powers', async () => {
    const x = tensor([-2, 0, 0.25, 4]);
    expect(await x.pow(2).array()).toEqual([4, 0, 0.0625, 16]);
    expect(await x.pow(3).array()).toEqual([-8, 0, 0.015625, 64]);
    expect(await x.pow(0.5).array()).toEqual([nan, 0, 0.5, 2]);
    expect(await x.pow(-1).array()).toEqual([-0.5, inf, 4, 0.25]);
    expect(await x.pow(-0.5).array()).toEqual([nan, inf, 2, 0.5]);
    expect(await x.pow(0).array()).toEqual([1, 1, 1, 1]);
    expect(await x.pow(1).array()).toEqual([-2, 0, 0.25, 4]);
    await expectClose(x.pow(1.5), [nan, 0, 0.125, 8]);
    expect(await int(2, 3).pow(int(10, 4)).array()).toEqual([1024, 81]);
    expect(await tensor([nan]).pow(0).array()).toEqual([1]);
  });

  test('maximum and minimum propagate NaN', async () => {
    expect(
      await tensor([1, nan, 3])
        .maximum(tensor([2, 2, nan]))
        .array(),
    ).toEqual([2, nan, nan]);
    expect(await maximum(int(1, 5), 3).array()).toEqual([3, 5]);
  });
});

describe('promotion', () => {
  const result = (a: DType, b: DType, shapes: [number[], number[]] = [[2], [2]]) =>
    zeros(shapes[0], { dtype: a }).add(zeros(shapes[1], { dtype: b })).dtype;

  test('tensors', () => {
    expect(result('int32', 'float16')).toBe('float16');
    expect(result('float16', 'float32')).toBe('float32');
    expect(result('float32', 'float64')).toBe('float64');
    expect(result('bool', 'uint8')).toBe('uint8');
    expect(result('int8', 'uint8')).toBe('int32');
  });

  test('rank 0 only counts when its category is higher', () => {
    expect(result('float32', 'float64', [[2], []])).toBe('float32');
    expect(result('int8', 'int32', [[], [2]])).toBe('int32');
    expect(result('int8', 'int32', [[2], []])).toBe('int8');
    expect(result('int32', 'float32', [[2], []])).toBe('float32');
    expect(result('float32', 'float64', [[], []])).toBe('float64');
  });

  test('numbers', () => {
    expect(zeros([2], { dtype: 'float16' }).add(0.1).dtype).toBe('float16');
    expect(int(1).add(0.5).dtype).toBe('float32');
    expect(int(1).add(3).dtype).toBe('int32');
    expect(bool(true).mul(3).dtype).toBe('int32');
    expect(int(1).lt(0.5).dtype).toBe('bool');
    expect(int(1).exp().dtype).toBe('float32');
  });

  test('a comparison with a fraction compares fractions', async () => {
    expect(await int(0, 1).lt(0.5).array()).toEqual([true, false]);
  });
});

describe('functions', () => {
  test('rounding: halves to even, integers stay', async () => {
    expect(await tensor([0.5, 1.5, 2.5, -0.5, -1.5]).round().array()).toEqual([0, 2, 2, -0, -2]);
    expect(await tensor([-1.5, 1.5]).frac().array()).toEqual([-0.5, 0.5]);
    const i = int(1, 2);
    expect(i.floor().node).toBe(i.node);
  });

  test('atan2 in all quadrants and on the axes', async () => {
    const y = tensor([1, 1, -1, -1, 0, 0, 2, -2]);
    const x = tensor([1, -1, -1, 1, 2, -2, 0, 0]);
    const expected = [1, 3, -3, -1, 0, 4, 2, -2].map((q) => (q * Math.PI) / 4);
    await expectClose(y.atan2(x), expected);
  });

  test('composed functions agree with Math', async () => {
    const points = [-0.9, -0.3, 0, 0.2, 0.7];
    const x = tensor(points);
    for (const name of ['tan', 'asin', 'acos', 'sinh', 'cosh', 'asinh', 'atanh'] as const)
      await expectClose(x[name](), points.map(Math[name]));
    const positive = [0.1, 1, 2, 8];
    await expectClose(tensor(positive).log2(), positive.map(Math.log2));
    await expectClose(tensor(positive).log10(), positive.map(Math.log10));
    await expectClose(
      tensor(points).exp2(),
      points.map((p) => 2 ** p),
    );
    await expectClose(
      tensor(positive).rsqrt(),
      positive.map((p) => p ** -0.5),
    );
    await expectClose(tensor([1, 1.5, 10]).acosh(), [1, 1.5, 10].map(Math.acosh));
    await expectClose(tensor([-1, 1]).asin(), [-Math.PI / 2, Math.PI / 2]);
    await expectClose(tensor([-1, 1]).acos(), [Math.PI, 0]);
  });

  test('NaN and infinity', async () => {
    const x = tensor([nan, inf, -inf, 1]);
    expect(await x.isnan().array()).toEqual([true, false, false, false]);
    expect(await x.isinf().array()).toEqual([false, true, true, false]);
    expect(await x.isfinite().array()).toEqual([false, false, false, true]);
    expect(await int(1).isfinite().array()).toEqual([true]);
    expect(await x.relu().array()).toEqual([nan, inf, 0, 1]);
    expect(await x.sign().array()).toEqual([0, 1, -1, 1]);
    expect(await x.nanToNum(7, 8, 9).array()).toEqual([7, 8, 9, 1]);
    expect((await x.nanToNum().data())[1]).toBe(Math.fround(3.4028235e38));
  });

  test('clamp', async () => {
    const x = tensor([nan, -3, 0, 3]);
    expect(await x.clamp(-1, 1).array()).toEqual([nan, -1, 0, 1]);
    expect(await x.clamp({ max: 1 }).array()).toEqual([nan, -3, 0, 1]);
    expect(await x.clamp(2, -2).array()).toEqual([nan, -2, -2, -2]);
    expect(await x.clamp({ min: tensor([0, -2, 1, 0]) }).array()).toEqual([nan, -2, 1, 3]);
  });

  test('lerp gives both ends exactly', async () => {
    const [a, b] = [tensor([0.1]), tensor([0.7])];
    expect(await a.lerp(b, 0).item()).toBe(Math.fround(0.1));
    expect(await a.lerp(b, 1).item()).toBe(Math.fround(0.7));
    await expectClose(a.lerp(b, tensor([0.25])), [0.25]);
  });

  test('where and maskedFill', async () => {
    const mask = bool(true, false);
    expect(await where(mask, 1, int(5, 6)).array()).toEqual([1, 6]);
    expect(await tensor([1, 2]).where(mask, -inf).array()).toEqual([1, -inf]);
    expect(await int(1, 2).maskedFill(mask, 9).array()).toEqual([9, 2]);
    expect(int(1, 2).maskedFill(mask, 0.5).dtype).toBe('int32');
  });

  test('bits and logic', async () => {
    expect(await int(12, 10).bitwiseAnd(6).array()).toEqual([4, 2]);
    expect(await int(12).bitwiseXor(10).array()).toEqual([6]);
    expect(await int(-8).bitwiseRightShift(1).array()).toEqual([-4]);
    expect(await int(3).bitwiseLeftShift(2).array()).toEqual([12]);
    expect(await int(5).bitwiseNot().array()).toEqual([-6]);
    expect(
      await tensor([0, 2])
        .logicalAnd(tensor([1, 1]))
        .array(),
    ).toEqual([false, true]);
    expect(await tensor([0, 2]).logicalNot().array()).toEqual([true, false]);
  });

  test('casts', async () => {
    expect(await tensor([2.9, -2.9, nan]).int().array()).toEqual([2, -2, 0]);
    expect(await tensor([0, 0.5]).bool().array()).toEqual([false, true]);
    expect(await tensor([1]).bitcast('int32').array()).toEqual([0x3f800000]);
    expect([
      ...(await tensor([1 / 3])
        .half()
        .data()),
    ]).toEqual([0.333251953125]);
  });
});

describe('what is recorded', () => {
  test('numbers are runtime arguments, but for those of formulas', () => {
    const x = tensor([1, 2]);
    const [a, b] = [x.mul(0.1).node, x.mul(0.2).node];
    expect([a.hashA, a.hashB]).toEqual([b.hashA, b.hashB]);
    const scalarOf = (t: Tensor) => t.node.inputs[1].inputs[0];
    expect(scalarOf(x.mul(0.1))).toMatchObject({ op: 'scalar', value: 0.1, dtype: 'float32' });
    for (const v of [0, 1, -1, 2, 0.5])
      expect(scalarOf(x.mul(v))).toMatchObject({ op: 'full', attrs: { value: v } });
    expect(scalarInput(3, 'int32').node).toMatchObject({ op: 'scalar', value: 3, shape: [] });
  });

  test('primitives see equal shapes and dtypes', () => {
    const { node } = tensor([[1], [2]]).add(int(1, 2, 3));
    expect(node.inputs.map((i) => [i.op, i.shape, i.dtype])).toEqual([
      ['expand', [2, 3], 'float32'],
      ['expand', [2, 3], 'float32'],
    ]);
  });

  test('nothing for an identity', () => {
    const x = ones([2, 3]);
    for (const y of [
      x.reshape(2, 3),
      x.permute(0, 1),
      x.expand(2, 3),
      x.expand(-1, 3),
      x.to('float32'),
      x.pow(1),
      x.narrow(1, 0, 3),
      x.slice(0),
      x.squeeze(0),
      x.pad([
        [0, 0],
        [0, 0],
      ]),
      x.flip([]),
      x.transpose(1, 1),
    ])
      expect(y.node).toBe(x.node);
  });

  test('small powers have no pow', () => {
    const ops = (e: number) => ones([2]).pow(e).node.op;
    expect([2, 3, 0.5, -1, 0, 2.5].map(ops)).toEqual(['mul', 'mul', 'sqrt', 'reciprocal', 'full', 'pow']);
    expect(full([2], 1).requiresGrad_().pow(0).node.op).toBe('pow');
  });

  test('a mask costs one comparison', () => {
    expect(bernoulli(0.5, [4], { dtype: 'bool' }).node.op).toBe('lt');
  });
});
