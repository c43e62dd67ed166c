/** Tensors as handles: creation, leaves and gradients, in-place methods, values and text. */
import { beforeAll, describe, expect, test } from 'vitest';
import { reference } from '../src/backend/reference.js';
import {
  arange,
  type BackwardOptions,
  enableGrad,
  eye,
  fromBytes,
  full,
  fullLike,
  isGradEnabled,
  linspace,
  noGrad,
  ones,
  onesLike,
  randn,
  realize,
  registerDifferentiator,
  Tensor,
  tensor,
  update,
  use,
  zeros,
  zerosLike,
} from '../src/index.js';

beforeAll(async () => {
  await use(reference(), { log: false });
});

describe('creation', () => {
  test('from host data', async () => {
    expect(
      await tensor([
        [1, 2],
        [3, 4],
      ]).array(),
    ).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(tensor(5).shape).toEqual([]);
    expect(tensor([]).shape).toEqual([0]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
    expect(await tensor([[true], [false]]).array()).toEqual([[true], [false]]);
    expect(tensor(new Uint8ClampedArray(2)).dtype).toBe('uint8');
    expect(tensor(Int16Array.of(-3)).dtype).toBe('int32');
    expect(await tensor([Float32Array.of(1, 2), Float32Array.of(3, 4)]).array()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(await tensor([1.9, -1.9], { dtype: 'int32' }).array()).toEqual([1, -1]);
    expect(await tensor([0, 0.1], { dtype: 'bool' }).array()).toEqual([false, true]);
    expect(await tensor([1 / 3], { dtype: 'float16' }).item()).toBe(0.333251953125);
    expect(await tensor(new Float64Array([1, 2, 3, 4]), { shape: [2, 2] }).array()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test('tensor copies, fromBytes does not', async () => {
    const data = Float32Array.of(1, 2);
    const [copy, shared] = [tensor(data), fromBytes(new Uint8Array(data.buffer), [2], 'float32')];
    data[0] = 9;
    expect(await copy.array()).toEqual([1, 2]);
    expect(await shared.array()).toEqual([9, 2]);
    const odd = fromBytes(new Uint8Array(9).subarray(1), [2], 'float32');
    expect(await odd.array()).toEqual([0, 0]);
  });

  test('from formulas', async () => {
    expect(await arange(4).array()).toEqual([0, 1, 2, 3]);
    expect(await arange(5, 0, -2).array()).toEqual([5, 3, 1]);
    expect(await arange(0, 1, 0.25).array()).toEqual([0, 0.25, 0.5, 0.75]);
    expect(arange(0, 1, 0.25).dtype).toBe('float32');
    expect(arange(3, { dtype: 'float64' }).dtype).toBe('float64');
    expect(arange(2, 2).shape).toEqual([0]);
    expect(await linspace(0, 1, 5).array()).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(await linspace(3, 9, 1).array()).toEqual([3]);
    expect((await linspace(0, 0.3, 4).data())[3]).toBe(Math.fround(0.3));
    expect(await eye(2, 3).array()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    const x = zeros([2], { dtype: 'int32' });
    expect([zerosLike(x).dtype, onesLike(x, { dtype: 'float32' }).dtype]).toEqual(['int32', 'float32']);
    expect(await fullLike(x, 7).array()).toEqual([7, 7]);
  });
});

describe('leaves', () => {
  test('requiresGrad is recorded only for floats, in grad mode', () => {
    const w = ones([2]).requiresGrad_();
    expect([w.isLeaf, w.requiresGrad]).toEqual([true, true]);
    const y = w.mul(2);
    expect([y.isLeaf, y.requiresGrad]).toEqual([false, true]);
    expect(y.int().requiresGrad).toBe(false);
    expect(y.gt(1).requiresGrad).toBe(false);
    expect(y.detach().requiresGrad).toBe(false);
    noGrad(() => {
      expect(w.mul(2).requiresGrad).toBe(false);
      expect(enableGrad(() => w.mul(2).requiresGrad)).toBe(true);
    });
    expect(isGradEnabled()).toBe(true);
    expect(tensor([1], { requiresGrad: true }).node.variable).toBeInstanceOf(Tensor);
  });

  test('asking for gradients does not touch other handles on the same value', () => {
    const x = tensor([1, 2]);
    const same = x.reshape(2);
    expect(same.node).toBe(x.node);
    same.requiresGrad = true;
    expect(x.requiresGrad).toBe(false);
    same.requiresGrad = false;
    expect([same.isLeaf, same.requiresGrad, same.node.variable]).toEqual([true, false, null]);
  });

  test('backward goes to the registered differentiator', () => {
    const calls: [Tensor, Tensor | undefined, BackwardOptions][] = [];
    registerDifferentiator({ backward: (...args) => void calls.push(args) });
    const y = ones([]).requiresGrad_().mul(3);
    y.backward(undefined, { retainGraph: true });
    expect(calls).toEqual([[y, undefined, { retainGraph: true }]]);
  });

  test('hooks are kept on the node and can be removed', () => {
    const y = ones([2]).requiresGrad_().mul(3);
    const hook = y.registerHook((g) => g.mul(2));
    expect(y.node.hooks).toHaveLength(1);
    hook.remove();
    hook.remove();
    expect(y.node.hooks).toHaveLength(0);
  });
});

describe('in place', () => {
  test('the handle moves, other tensors keep the old value', async () => {
    const x = tensor([1, 2]);
    const before = x.mul(10);
    expect(x.add_(1).mul_(2).sub_(1, { alpha: 2 }).div_(4)).toBe(x);
    expect(await x.array()).toEqual([0.5, 1]);
    expect(await before.array()).toEqual([10, 20]);
    expect(await x.fill_(3).array()).toEqual([3, 3]);
    expect(await x.zero_().array()).toEqual([0, 0]);
    expect(await tensor([-5, 5]).clamp_(-1, 1).array()).toEqual([-1, 1]);
  });

  test('shape and dtype stay', async () => {
    const i = tensor([1, 2], { dtype: 'int32' });
    expect(i.add_(0.5).dtype).toBe('int32');
    expect(i.copy_(tensor([7.9, 8])).dtype).toBe('int32');
    expect(await i.array()).toEqual([7, 8]);
    expect(
      await zeros([2, 2])
        .copy_(tensor([1, 2]))
        .array(),
    ).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  test('a leaf that requires gradients stays one, inside noGrad', async () => {
    const w = ones([2]).requiresGrad_();
    w.registerHook(() => undefined);
    const { hooks } = w.node;
    noGrad(() => w.sub_(tensor([0.5, 0.25])));
    expect([w.isLeaf, w.requiresGrad, w.node.variable === w]).toEqual([true, true, true]);
    expect(w.node.hooks).toBe(hooks);
    expect(await w.array()).toEqual([0.5, 0.75]);
    noGrad(() => w.fill_(4));
    expect([w.isLeaf, w.requiresGrad]).toEqual([true, true]);
  });

  test('copies of host data share bytes, not storage', async () => {
    const source = tensor([1, 2]);
    const w = zeros([2]).requiresGrad_();
    noGrad(() => w.copy_(source));
    expect(w.node.storage).not.toBe(source.node.storage);
    expect(w.node.storage?.host).toBe(source.node.storage?.host);
    await update([{ target: w, value: w.detach().add(1) }], { by: 'test' });
    expect(await source.array()).toEqual([1, 2]);
    expect(await w.array()).toEqual([2, 3]);
  });

  test('copies of computed values are independent of the original', async () => {
    const source = randn([3]);
    const copy = zeros([3]).copy_(source);
    await realize(source);
    const expected = await source.data();
    await update([{ target: copy, value: copy.mul(0) }], { by: 'test' });
    expect(await source.data()).toEqual(expected);
  });

  test('gradients flow through copy_ to its source', () => {
    const w = ones([2]).requiresGrad_();
    const x = zeros([2]).copy_(w);
    expect([x.requiresGrad, x.isLeaf]).toEqual([true, false]);
    expect(w.isLeaf).toBe(true);
  });
});

describe('values and text', () => {
  test('data are copies', async () => {
    const x = tensor([1, 2]);
    (await x.data())[0] = 9;
    expect(await x.array()).toEqual([1, 2]);
    expect(await full([2], 1.5, { dtype: 'float16' }).data()).toEqual(Float32Array.of(1.5, 1.5));
  });

  test('host values are shown, others described', () => {
    expect(
      String(
        tensor([
          [1, 2.5],
          [3, 4],
        ]),
      ),
    ).toBe('Tensor([[1, 2.5],\n        [3, 4]], shape [2, 2], float32)');
    expect(String(tensor([true, false]))).toBe('Tensor([true, false], shape [2], bool)');
    expect(String(tensor(1 / 3))).toBe('Tensor(0.33333, shape [], float32)');
    expect(String(tensor(new Int32Array(100)))).toBe('Tensor([0, 0, 0, …, 0, 0, 0], shape [100], int32)');
    expect(String(ones([2]).mul(2).requiresGrad_())).toBe('Tensor(detach, shape [2], float32, requiresGrad)');
    expect(String(zeros([2, 0]))).toBe('Tensor(full, shape [2, 0], float32)');
  });
});
