import { AutogradError, ones, type Tensor } from '@neurite/tensor';
import { describe, expect, test } from 'vitest';
import { grad } from '../src/index.js';
import { onReference, values, variable } from './helpers.js';

onReference();

describe('tensor hooks', () => {
  test('see the whole gradient of a leaf before it is accumulated', async () => {
    const x = variable([1, 2]);
    const seen: Tensor[] = [];
    x.registerHook((g) => {
      expect(x.grad).toBe(null);
      seen.push(g);
    });
    x.mul(2).add(x).sum().backward();
    expect(seen.length).toBe(1);
    expect(await values(seen[0])).toEqual([3, 3]);
  });

  test('replace the gradient, in the order of registration', async () => {
    const x = variable([1]);
    x.registerHook((g) => g.add(1));
    x.registerHook((g) => g.mul(10));
    x.mul(3).backward();
    expect(await values(x.grad)).toEqual([40]);
  });

  test('on a tensor in between change what goes on', async () => {
    const x = variable([2]);
    const y = x.mul(3);
    y.registerHook((g) => g.neg());
    y.mul(y).backward();
    expect(await values(x.grad)).toEqual([-36]);
  });

  test('can be removed', async () => {
    const x = variable([1]);
    const hook = x.registerHook((g) => g.mul(0));
    x.mul(3).backward();
    hook.remove();
    x.mul(3).backward();
    expect(await values(x.grad)).toEqual([3]);
  });

  test('run for grad() as well', async () => {
    const x = variable([1]);
    x.registerHook((g) => g.mul(2));
    expect(await values(grad(x.mul(3), x)[0])).toEqual([6]);
  });

  test('must return a tensor of the right shape', () => {
    const x = variable([1, 2]);
    const hook = x.registerHook(() => ones([3]));
    expect(() => x.sum().backward()).toThrow(/hook.*\[3\].*\[2\]/);
    hook.remove();
    x.registerHook((() => 5) as never);
    expect(() => x.sum().backward()).toThrow(AutogradError);
    expect(x.grad).toBe(null);
  });
});

describe('retainGrad', () => {
  test('keeps the gradient of a tensor in between', async () => {
    const x = variable([2]);
    const y = x.mul(3);
    y.retainGrad();
    y.mul(y).backward();
    expect(await values(y.grad)).toEqual([12]);
    expect(await values(x.grad)).toEqual([36]);
  });

  test('sees what hooks made of it, whenever they were registered', async () => {
    const x = variable([2]);
    const y = x.mul(3);
    y.retainGrad();
    y.registerHook((g) => g.mul(10));
    y.backward();
    expect(await values(y.grad)).toEqual([10]);
  });
});
