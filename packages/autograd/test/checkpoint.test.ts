import { manualSeed, type Tensor, tensor } from '@neurite/tensor';
import { expect, test } from 'vitest';
import { checkpoint, grad, gradcheck, gradgradcheck } from '../src/index.js';
import { onReference, random, values, variable } from './helpers.js';

onReference();

test('calls the function again in the backward, and only then', async () => {
  let calls = 0;
  const f = (x: Tensor): Tensor => {
    calls++;
    return x.sin().exp();
  };
  const x = variable([0.5, 1]);
  const y = checkpoint(f, x);
  expect(calls).toBe(1);
  y.sum().backward();
  expect(calls).toBe(2);
  const [g] = grad(f(x).sum(), x);
  expect(await values(x.grad)).toEqual(await values(g));
});

test('is differentiable to the second order', async () => {
  const f = (x: Tensor, y: Tensor): Tensor => checkpoint((a: Tensor, b: Tensor) => a.mul(b).sin(), x, y);
  expect(await gradcheck(f, [random([3], 1), random([3], 2)])).toBe(true);
  expect(await gradgradcheck(f, [random([3], 1), random([3], 2)])).toBe(true);
});

test('gradients reach parameters and activations that the function closes over, each once', async () => {
  const w = variable([3]);
  const hidden = w.mul(2);
  const deeper = hidden.mul(hidden);
  const x = variable([5]);
  const build = (wrap: boolean): Tensor => {
    const f = (t: Tensor): Tensor => t.mul(hidden).add(deeper.mul(w)).add(x);
    return wrap ? checkpoint(f, x) : f(x);
  };
  const plain = grad(build(false), [w, x], { retainGraph: true });
  const wrapped = grad(build(true), [w, x], { retainGraph: true });
  for (const i of [0, 1]) expect(await values(wrapped[i])).toEqual(await values(plain[i]));
});

test('draws the same random numbers again and leaves the generator where it was', async () => {
  const { rand } = await import('@neurite/tensor');
  manualSeed(7);
  const x = tensor([1, 1, 1, 1], { requiresGrad: true });
  const y = checkpoint((t: Tensor) => t.mul(rand([4])), x);
  y.sum().backward();
  const next = rand([2]);
  expect(await values(x.grad)).toEqual(await values(y));
  manualSeed(7);
  rand([4]);
  expect(await values(next)).toEqual(await values(rand([2])));
});
