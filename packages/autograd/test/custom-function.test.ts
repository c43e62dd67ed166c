import { AutogradError, isGradEnabled, type Tensor, tensor } from '@neurite/tensor';
import { describe, expect, test } from 'vitest';
import { customFunction, grad, gradcheck, gradgradcheck } from '../src/index.js';
import { onReference, random, values, variable } from './helpers.js';

onReference();

const myExp = customFunction({
  name: 'myExp',
  forward(ctx, x: Tensor) {
    const y = x.exp();
    ctx.saveForBackward(y);
    return y;
  },
  backward(ctx, g) {
    return g.mul(ctx.savedTensors[0]);
  },
});

describe('customFunction', () => {
  test('passes gradcheck to the second order when it saves its output', async () => {
    expect(await gradcheck((x) => myExp(x).mul(2), [random([3], 1)])).toBe(true);
    expect(await gradgradcheck((x) => myExp(x).mul(2), [random([3], 1)])).toBe(true);
  });

  test('its gradient is what the user says, not what the ops say', async () => {
    const straightThrough = customFunction({ forward: (_, x: Tensor) => x.round(), backward: (_, g) => g });
    const x = variable([0.4, 1.6]);
    const y = straightThrough(x);
    expect(await values(y)).toEqual([0, 2]);
    y.mul(3).sum().backward();
    expect(await values(x.grad)).toEqual([3, 3]);
  });

  test('several outputs meet in one call of backward; zeros stand for those without a gradient', async () => {
    let calls = 0;
    const sumAndDifference = customFunction({
      forward: (_, a: Tensor, b: Tensor) => [a.add(b), a.sub(b)],
      backward: (_, gs, gd) => {
        calls++;
        return [gs.add(gd), gs.sub(gd)];
      },
    });
    const [a, b] = [variable([1]), variable([2])];
    const [sum, difference] = sumAndDifference(a, b);
    sum.mul(difference).backward();
    expect(calls).toBe(1);
    expect(await values(a.grad)).toEqual([2]);
    expect(await values(b.grad)).toEqual([-4]);
    const [, only] = sumAndDifference(a, b);
    expect((await Promise.all(grad(only, [a, b]).map(values))).flat()).toEqual([1, -1]);
  });

  test('null instead of zeros on request, non-differentiable outputs, arguments that are no tensors', async () => {
    const f = customFunction({
      forward(ctx, x: Tensor, factor: number) {
        ctx.setMaterializeGrads(false);
        ctx.factor = factor;
        const mask = x.gt(0).to(x.dtype);
        const y = x.mul(factor);
        ctx.markNonDifferentiable(mask);
        return [y, mask, x.neg()];
      },
      backward(ctx, g, gMask, gNeg) {
        expect(gMask).toBe(null);
        expect(gNeg).toBe(null);
        expect(ctx.needsInputGrad).toEqual([true, false]);
        return [g.mul(ctx.factor as number), null];
      },
    });
    const x = variable([1, -1]);
    const [y, mask] = f(x, 4);
    expect(mask.requiresGrad).toBe(false);
    y.sum().backward();
    expect(await values(x.grad)).toEqual([4, 4]);
  });

  test('gradient mode is off inside forward, and no tape is made without need', () => {
    const f = customFunction({
      forward: (_, x: Tensor) => {
        expect(isGradEnabled()).toBe(false);
        return x.mul(2);
      },
      backward: (_, g) => g.mul(2),
    });
    expect(f(variable([1])).requiresGrad).toBe(true);
    expect(f(tensor([1])).requiresGrad).toBe(false);
  });

  test('a gradient of broadcast shape is summed, another one is an error that names the function', async () => {
    const f = customFunction({
      name: 'addRow',
      forward: (_, x: Tensor, row: Tensor) => x.add(row),
      backward: (_, g) => [g, g],
    });
    const row = variable([1, 2]);
    f(random([3, 2], 1), row)
      .sum()
      .backward();
    expect(await values(row.grad)).toEqual([3, 3]);
    const bad = customFunction({
      name: 'bad',
      forward: (_, x: Tensor) => x.mul(2),
      backward: (_, g) => g.sum(0),
    });
    expect(() =>
      bad(random([3, 2], 1))
        .sum()
        .backward(),
    ).toThrow(/bad.*\[2\].*\[3,2\]/);
  });

  test('wrong number of gradients', () => {
    const f = customFunction({
      name: 'short',
      forward: (_, a: Tensor, b: Tensor) => a.mul(b),
      backward: (_, g) => g,
    });
    expect(() => f(variable([1]), variable([2])).backward()).toThrow(/short.*1 gradients for 2 arguments/);
  });

  test('a second backward fails exactly when something was saved', () => {
    const y = myExp(variable([1]));
    y.backward();
    expect(() => y.backward()).toThrow(AutogradError);
    expect(() => y.backward()).toThrow('myExp');
    const negate = customFunction({ forward: (_, x: Tensor) => x.neg(), backward: (_, g) => g.neg() });
    const z = negate(variable([1]));
    z.backward();
    z.backward();
  });
});
