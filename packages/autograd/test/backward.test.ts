import {
  AnomalyError,
  AutogradError,
  detectAnomaly,
  noGrad,
  ones,
  randn,
  ShapeError,
  type Tensor,
  tensor,
} from '@neurite/tensor';
import { describe, expect, test } from 'vitest';
import { grad } from '../src/index.js';
import { primitive } from '../src/rules/rule.js';
import { onReference, random, values, variable } from './helpers.js';

onReference();

describe('backward', () => {
  test('the chain rule on a chain of functions: d sin(x²)/dx = 2x·cos(x²)', async () => {
    const x = variable([0.3, 1.1]);
    const y = x.pow(2).sin();
    y.sum().backward();
    const expected = [0.3, 1.1].map((v) => 2 * v * Math.cos(v * v));
    for (const [i, g] of (await values(x.grad)).entries()) expect(g).toBeCloseTo(expected[i], 14);
  });

  test('adds to grad, out of place', async () => {
    const x = variable([1, 2]);
    x.mul(3).sum().backward();
    const first = x.grad;
    x.mul(4).sum().backward();
    expect(await values(x.grad)).toEqual([7, 7]);
    expect(await values(first)).toEqual([3, 3]);
  });

  test('leaves that share a gradient do not share a handle', async () => {
    const a = variable([1]);
    const b = variable([2]);
    a.add(b).backward();
    a.grad?.mul_(10);
    expect(await values(a.grad)).toEqual([10]);
    expect(await values(b.grad)).toEqual([1]);
  });

  test('grad requires no gradient itself', () => {
    const x = variable([1, 2]);
    x.mul(x).sum().backward();
    expect(x.grad?.requiresGrad).toBe(false);
    const y = variable([3, 4]);
    y.backward(x.mul(2));
    expect(y.grad?.requiresGrad).toBe(false);
  });

  test('a diamond counts each path once', async () => {
    const x = variable([3]);
    const a = x.mul(2);
    a.mul(a).add(a).backward();
    expect(await values(x.grad)).toEqual([2 * (2 * 6 + 1)]);
  });

  test('detach and noGrad stop gradients', async () => {
    const x = variable([3]);
    x.mul(x.detach())
      .add(noGrad(() => x.mul(5)))
      .backward();
    expect(await values(x.grad)).toEqual([3]);
  });

  test('stops at tensors that do not require gradients', async () => {
    const x = variable([3]);
    const c = tensor([2], { dtype: 'float64' });
    x.mul(c).backward();
    expect(c.grad).toBe(null);
    expect(await values(x.grad)).toEqual([2]);
  });

  test('goes through a tensor whose value was read', async () => {
    const x = variable([3]);
    const y = x.mul(x);
    expect(await values(y)).toEqual([9]);
    y.mul(2).backward();
    expect(await values(x.grad)).toEqual([12]);
  });

  test('starts with the gradient given', async () => {
    const x = variable([1, 2]);
    x.mul(x).backward(tensor([10, 100], { dtype: 'float64' }));
    expect(await values(x.grad)).toEqual([20, 400]);
  });

  test('inputs: accumulates only there', async () => {
    const a = variable([2]);
    const b = variable([3]);
    const middle = a.mul(b);
    middle.mul(a).backward(undefined, { inputs: [a, middle] });
    expect(await values(a.grad)).toEqual([12]);
    expect(await values(middle.grad)).toEqual([2]);
    expect(b.grad).toBe(null);
  });

  test('a leaf is its own root', async () => {
    const x = variable([2]);
    x.backward();
    expect(await values(x.grad)).toEqual([1]);
  });

  test('graphs 10,000 nodes deep', async () => {
    const x = variable([1]);
    let y = x;
    for (let i = 0; i < 10_000; i++) y = y.add(x);
    y.backward();
    expect(await values(x.grad)).toEqual([10_001]);
    const z = variable([1]);
    let w = z;
    for (let i = 0; i < 10_000; i++) w = w.neg();
    w.backward();
    expect(await values(z.grad)).toEqual([1]);
  });

  test('only records: nothing is computed before it is asked for', async () => {
    const x = random([4], 1);
    const loss = x.exp().sum();
    loss.backward();
    expect(x.grad?.node.storage).toBe(null);
    expect((await values(x.grad)).length).toBe(4);
  });
});

describe('backward a second time', () => {
  const message = /Trying to backward through the graph a second time.*retainGraph/;

  test('is an error that names the op, and leaves grad alone', async () => {
    const x = variable([3]);
    const y = x.mul(x).add(1);
    y.backward();
    expect(() => y.backward()).toThrow(AutogradError);
    expect(() => y.backward()).toThrow(message);
    expect(() => y.backward()).toThrow('mul');
    expect(await values(x.grad)).toEqual([6]);
  });

  test('works with retainGraph', async () => {
    const x = variable([3]);
    const y = x.mul(x);
    y.backward(undefined, { retainGraph: true });
    y.backward();
    expect(await values(x.grad)).toEqual([12]);
    expect(() => y.backward()).toThrow(message);
  });

  test('also through a shared part of the graph', () => {
    const x = variable([3]);
    const shared = x.exp();
    shared.add(1).backward();
    expect(() => shared.mul(2).backward()).toThrow(message);
  });

  test('works where nothing was saved', async () => {
    const x = variable([3, 4]);
    const y = x.add(1).neg().sum();
    y.backward();
    y.backward();
    expect(await values(x.grad)).toEqual([-2, -2]);
  });

  test('fails, too, where a computed value has let go of its inputs', async () => {
    const x = variable([3, 4]);
    const y = x.add(1).sum();
    y.backward();
    expect(await values(y)).toEqual([9]);
    expect(() => y.backward()).toThrow(message);
    expect(() => y.mul(2).backward()).toThrow(message);
    expect(await values(x.grad)).toEqual([1, 1]);
  });

  test('grad() frees, too', () => {
    const x = variable([3]);
    const y = x.mul(x);
    grad(y, x);
    expect(() => grad(y, x)).toThrow(message);
  });

  test('createGraph retains', async () => {
    const x = variable([3]);
    const y = x.mul(x).mul(x);
    const [first] = grad(y, x, { createGraph: true });
    const [second] = grad(first, x, { createGraph: true });
    expect(await values(second)).toEqual([18]);
    expect(await values(grad(second, x)[0])).toEqual([6]);
  });
});

describe('wrong use', () => {
  test('a custom op without a gradient', () => {
    const compute = (_inputs: unknown, output: { fill(v: number): void }): void => void output.fill(1);
    const y = primitive('custom', [variable([1])], { name: 'ones', compute }, [1]);
    expect(() => y.backward()).toThrow(/ones: a custom op has no gradient.*customFunction/);
  });

  test('a root without gradients', () => {
    expect(() => tensor([1, 2]).sum().backward()).toThrow(
      'element 0 of tensors does not require grad and does not have a grad_fn',
    );
  });

  test('a root that is no scalar', () => {
    expect(() => variable([1, 2]).mul(2).backward()).toThrow(
      /grad can be implicitly created only for scalar outputs.*\[2\]/,
    );
  });

  test('a gradient of another shape', () => {
    const y = variable([1, 2]).mul(2);
    expect(() => y.backward(ones([3]))).toThrow(AutogradError);
    expect(() => y.backward(ones([3]))).toThrow(/\[3\].*\[2\]/);
  });

  test('grad for a tensor that has no part in the outputs', () => {
    const [x, y] = [variable([1]), variable([2])];
    expect(() => grad(x.mul(2), [x, y])).toThrow(/input 1 appears to not have been used.*allowUnused/);
    expect(grad(x.mul(2), [x, y], { allowUnused: true })[1]).toBe(null);
  });

  test('grad for a tensor that requires none', () => {
    expect(() => grad(variable([1]).mul(2), tensor([1]))).toThrow(
      'One of the differentiated Tensors does not require grad',
    );
  });

  test('a failing op inside leaves the tape usable', async () => {
    const x = randn([2, 3], { requiresGrad: true });
    expect(() => x.matmul(x as Tensor)).toThrow(ShapeError);
    x.sum().backward();
    expect(await values(x.grad)).toEqual([1, 1, 1, 1, 1, 1]);
  });
});

test('grad: several outputs, several inputs, none of them a leaf', async () => {
  const x = variable([2]);
  const a = x.mul(3);
  const b = x.mul(5);
  const [ga, gb] = grad([a.mul(b), a], [a, b]);
  expect(await values(ga)).toEqual([11]);
  expect(await values(gb)).toEqual([6]);
  expect(x.grad).toBe(null);
});

test('detectAnomaly names the op whose gradient made a NaN, and the line of that op', async () => {
  const failure = detectAnomaly(async () => {
    const x = variable([0, 1]);
    const y = x.sqrt();
    y.mul(0).sum().backward();
    await values(x.grad);
  });
  await expect(failure).rejects.toThrow(AnomalyError);
  await expect(failure).rejects.toThrow(/div in the gradient of sqrt made a NaN.*backward\.test\.ts/);
});
