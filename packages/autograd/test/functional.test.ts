import { noGrad, type Tensor, tensor } from '@neurite/tensor';
import { describe, expect, test } from 'vitest';
import { grad, hessian, jacobian, jvp, valueAndGrad, vjp } from '../src/index.js';
import { onReference, values, variable } from './helpers.js';

onReference();

const point = (...xs: number[]): Tensor => tensor(xs, { dtype: 'float64' });
const cube = (x: Tensor): Tensor => x.pow(3).sum();

describe('grad(f)', () => {
  test('is a function with the shape of the argument', async () => {
    const g = grad(cube)(point(1, 2));
    expect(await values(g)).toEqual([3, 12]);
    expect(g.requiresGrad).toBe(false);
  });

  test('nests', async () => {
    const f = (x: Tensor): Tensor => x.pow(4).sum();
    const third = grad((x: Tensor) => grad((y: Tensor) => grad(f)(y).sum())(x).sum());
    expect(await values(third(point(1, 2)))).toEqual([24, 48]);
  });

  test('argnums: one, several, and structures', async () => {
    const f = (p: { w: Tensor; b: Tensor[] }, x: Tensor): Tensor => p.w.mul(x).add(p.b[0]).mul(p.b[1]).sum();
    const p = { w: point(2), b: [point(3), point(5)] };
    const gp = grad(f)(p, point(7));
    expect(await values(gp.w)).toEqual([35]);
    expect(await values(gp.b[0])).toEqual([5]);
    expect(await values(gp.b[1])).toEqual([17]);
    expect(await values(grad(f, { argnums: 1 })(p, point(7)))).toEqual([10]);
    const [both, x] = grad(f, { argnums: [0, 1] })(p, point(7));
    expect(await values(both.w)).toEqual([35]);
    expect(await values(x)).toEqual([10]);
  });

  test('does not confuse its argument with another use of the same tensor', async () => {
    const x = variable([3]);
    const g = grad((y: Tensor) => y.mul(x).sum())(x);
    expect(await values(g)).toEqual([3]);
    g.backward();
    expect(await values(x.grad)).toEqual([1]);
  });

  test('stays differentiable in what the function uses besides its argument', async () => {
    const w = variable([5]);
    const penalty = grad((x: Tensor) => x.pow(2).mul(w).sum())(point(3));
    penalty.sum().backward();
    expect(await values(w.grad)).toEqual([6]);
  });

  test('records nothing under noGrad', async () => {
    const w = variable([5]);
    const g = noGrad(() => grad((x: Tensor) => x.mul(w).sum())(w));
    expect(g.requiresGrad).toBe(false);
    expect(await values(g)).toEqual([5]);
  });

  test('is zero where the function does not depend on the argument', async () => {
    expect(await values(grad((_x: Tensor, y: Tensor) => y.sum())(point(1, 2), point(3)))).toEqual([0, 0]);
  });

  test('wants a scalar and an existing argument', () => {
    expect(() => grad((x: Tensor) => x.mul(2))(point(1, 2))).toThrow(/scalar outputs.*\[2\]/);
    expect(() => grad(cube as (...x: Tensor[]) => Tensor, { argnums: 1 })(point(1))).toThrow(
      /argnums has 1.*1 arguments/,
    );
  });
});

test('valueAndGrad gives both, free of its own tape', async () => {
  const [value, g] = valueAndGrad(cube)(point(1, 2));
  expect(await value.item()).toBe(9);
  expect(value.requiresGrad).toBe(false);
  expect(await values(g)).toEqual([3, 12]);
});

describe('vjp and jvp', () => {
  const f = (x: Tensor, y: Tensor): Tensor[] => [x.mul(y), x.sum()];

  test('vjp multiplies with the Jacobian from the left, any number of times', async () => {
    const [[product, sum], pull] = vjp(f, point(1, 2), point(3, 4));
    expect(await values(product)).toEqual([3, 8]);
    expect(await sum.item()).toBe(3);
    const [gx, gy] = pull([point(1, 10), tensor(100, { dtype: 'float64' })]);
    expect(await values(gx)).toEqual([103, 140]);
    expect(await values(gy)).toEqual([1, 20]);
    const [again] = pull([point(0, 0), tensor(1, { dtype: 'float64' })]);
    expect(await values(again)).toEqual([1, 1]);
  });

  test('jvp multiplies from the right', async () => {
    const [[product], [dProduct, dSum]] = jvp(f, [point(1, 2), point(3, 4)], [point(1, 0), point(0, 1)]);
    expect(await values(product)).toEqual([3, 8]);
    expect(await values(dProduct)).toEqual([3, 2]);
    expect(await dSum.item()).toBe(1);
    expect(dSum.requiresGrad).toBe(false);
  });

  test('jvp of a single output, and of a constant one', async () => {
    const [, d] = jvp((x: Tensor) => x.sin(), [point(0, 1)], [point(1, 2)]);
    const [d0, d1] = await values(d);
    expect(d0).toBe(1);
    expect(d1).toBeCloseTo(2 * Math.cos(1), 14);
    const [, zero] = jvp((_x: Tensor) => point(1, 2), [point(3)], [point(1)]);
    expect(await values(zero)).toEqual([0, 0]);
  });

  test('count mismatches are errors', () => {
    const [, pull] = vjp(f, point(1), point(2));
    expect(() => pull([point(1)])).toThrow(/2 cotangents expected, got 1/);
    expect(() => jvp((x: Tensor) => x, [point(1)], [] as never)).toThrow(/1 tangents expected, got 0/);
  });
});

describe('jacobian and hessian', () => {
  test('jacobian has the output dims, then the input dims', async () => {
    const f = (x: Tensor, w: Tensor): Tensor => w.matmul(x).mul(2);
    const w = tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { dtype: 'float64' },
    );
    const j = jacobian(f)(point(1, 1, 1), w);
    expect(j.shape).toEqual([2, 3]);
    expect(await values(j)).toEqual([2, 4, 6, 8, 10, 12]);
    const [, jw] = jacobian(f, { argnums: [0, 1] })(point(1, 2, 3), w);
    expect(jw.shape).toEqual([2, 2, 3]);
    expect(await values(jw)).toEqual([2, 4, 6, 0, 0, 0, 0, 0, 0, 2, 4, 6]);
  });

  test('hessian of a quadratic form is symmetric and exact', async () => {
    const a = tensor(
      [
        [2, 1],
        [0, 3],
      ],
      { dtype: 'float64' },
    );
    const h = hessian((x: Tensor) => x.matmul(a.matmul(x)))(point(1, 2));
    expect(h.shape).toEqual([2, 2]);
    expect(await values(h)).toEqual([4, 1, 1, 6]);
    expect(h.requiresGrad).toBe(false);
  });
});
