import { type Tensor, tensor } from '@neurite/tensor';
import { describe, expect, test } from 'vitest';
import { grad } from '../src/index.js';
import { primitive } from '../src/rules/rule.js';
import { indices, onReference, values, variable } from './helpers.js';

onReference();

/** The gradient of the sum of f at these elements. */
const gradientAt = (
  f: (x: Tensor) => Tensor,
  at: readonly number[],
  shape?: readonly number[],
): Promise<number[]> => {
  const x = variable(at, shape);
  // -0 is 0 here: + 0 makes it so.
  return values(grad(f(x).sum(), x)[0]).then((g) => g.map((v) => v + 0));
};
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

// Expected values: what torch 2 returns for the same expression.
describe('kinks and singular points, as PyTorch', () => {
  test('abs, sign and relu at 0', async () => {
    expect(await gradientAt((x) => x.abs(), [-1, 0, 2])).toEqual([-1, 0, 1]);
    expect(await gradientAt((x) => x.sign(), [-1, 0, 2])).toEqual([0, 0, 0]);
    expect(await gradientAt((x) => x.relu(), [-1, 0, 2])).toEqual([0, 0, 1]);
  });

  test('rounding has gradient 0, not none', async () => {
    for (const f of [
      (x: Tensor) => x.floor(),
      (x: Tensor) => x.ceil(),
      (x: Tensor) => x.round(),
      (x: Tensor) => x.trunc(),
    ])
      expect(await gradientAt(f, [-1.5, 0, 2])).toEqual([0, 0, 0]);
  });

  test('clamp passes the gradient at its limits', async () => {
    expect(await gradientAt((x) => x.clamp({ min: -1, max: 1 }), [-2, -1, 0, 1, 2])).toEqual([0, 1, 1, 1, 0]);
  });

  test('maximum and minimum halve the gradient on a tie', async () => {
    const b = tensor([1, 2, 3], { dtype: 'float64' });
    expect(await gradientAt((x) => x.maximum(b), [0, 2, 4])).toEqual([0, 0.5, 1]);
    expect(await gradientAt((x) => x.minimum(b), [0, 2, 4])).toEqual([1, 0.5, 0]);
    expect(await gradientAt((x) => b.maximum(x), [0, 2, 4])).toEqual([0, 0.5, 1]);
    expect(await gradientAt((x) => x.maximum(b), [nan, 2, 4])).toEqual([1, 0.5, 1]);
  });

  test('amax and amin share evenly among ties, over all reduced dims', async () => {
    expect(await gradientAt((x) => x.amax(0), [1, 4, 4, 0, 4])).toEqual([0, 1 / 3, 1 / 3, 0, 1 / 3]);
    expect(await gradientAt((x) => x.amin([0, 1]), [1, 5, 1, 7], [2, 2])).toEqual([0.5, 0, 0.5, 0]);
  });

  test('max(dim) gives all to the index it returns', async () => {
    expect(await gradientAt((x) => x.max(0)[0], [1, 4, 4, 0])).toEqual([0, 1, 0, 0]);
  });

  test('cummax gives all to the latest of equal records', async () => {
    expect(await gradientAt((x) => x.cummax(0)[0], [1, 3, 2, 3, 5, 4])).toEqual([1, 2, 0, 1, 2, 0]);
    expect(await gradientAt((x) => x.cummin(0)[0], [3, 3, 4, 1])).toEqual([1, 2, 0, 1]);
  });

  test('prod and cumprod survive zeros', async () => {
    expect(await gradientAt((x) => x.prod(0), [2, 0, 3])).toEqual([0, 6, 0]);
    expect(await gradientAt((x) => x.prod(0), [2, 0, 0])).toEqual([0, 0, 0]);
    expect(await gradientAt((x) => x.cumprod(0), [2, 0, 3, 0, 5])).toEqual([1, 8, 0, 0, 0]);
  });

  test('pow: base', async () => {
    expect(await gradientAt((x) => x.pow(0), [0, 2, -1])).toEqual([0, 0, 0]);
    const b = tensor([0, 1, 2, 0.5, 0], { dtype: 'float64' });
    expect(await gradientAt((x) => x.pow(b), [0, 0, 0, 0, nan])).toEqual([0, 1, 0, inf, 0]);
  });

  test('pow: exponent', async () => {
    const a = tensor([0, 0, 0, 1, Math.E], { dtype: 'float64' });
    const [zero, positive, negative, one, e] = await gradientAt((x) => a.pow(x), [0, 2, -1, 5, 2]);
    expect([zero, positive, negative, one]).toEqual([0, 0, -inf, 0]);
    expect(e).toBeCloseTo(Math.E ** 2, 12);
    expect(await gradientAt((x) => tensor([-2], { dtype: 'float64' }).pow(x), [3])).toEqual([nan]);
  });

  test('sqrt, log and reciprocal at 0', async () => {
    expect(await gradientAt((x) => x.sqrt(), [0])).toEqual([inf]);
    expect(await gradientAt((x) => x.log(), [0])).toEqual([inf]);
    expect(await gradientAt((x) => x.reciprocal(), [0])).toEqual([-inf]);
  });

  test('remainder and fmod with respect to the divisor', async () => {
    const a = tensor([7, -7], { dtype: 'float64' });
    expect(await gradientAt((x) => a.remainder(x), [2, 2])).toEqual([-3, 4]);
    expect(await gradientAt((x) => a.fmod(x), [2, 2])).toEqual([-3, 3]);
  });

  test('where stops what was not chosen, even where it is infinite', async () => {
    const x = variable([0, 4]);
    const y = x.sqrt().where(x.gt(0), x);
    expect(await values(grad(y.sum(), x)[0])).toEqual([nan, 0.25]);
    expect(await gradientAt((t) => t.where(t.gt(0), t.mul(3)), [-1, 1])).toEqual([3, 1]);
  });

  test('sigmoid and tanh far out', async () => {
    expect(await gradientAt((x) => x.sigmoid(), [-1000, 1000])).toEqual([0, 0]);
    expect(await gradientAt((x) => x.tanh(), [-1000, 1000])).toEqual([0, 0]);
  });

  test('scatter with amax shares among the target and equal sources', async () => {
    const target = variable([2, 5]);
    const source = variable([2, 2, 1]);
    const y = primitive('scatter', [target, indices([0, 0, 1]), source], { dim: 0, mode: 'max' }, [2]);
    const [t, s] = grad(y.sum(), [target, source]);
    expect(await values(t)).toEqual([1 / 3, 1]);
    expect(await values(s)).toEqual([1 / 3, 1 / 3, 0]);
  });

  test('scatter set takes the gradient from what it overwrote', async () => {
    const target = variable([1, 2, 3]);
    const source = variable([9]);
    const y = target.scatter(0, indices([1]), source).mul(tensor([1, 10, 100], { dtype: 'float64' }));
    const [t, s] = grad(y.sum(), [target, source]);
    expect(await values(t)).toEqual([1, 0, 100]);
    expect(await values(s)).toEqual([10]);
  });
});

test('a gradient has the dtype of its tensor, through a cast', async () => {
  const x = tensor([1, 2], { requiresGrad: true });
  x.double().mul(3).sum().backward();
  expect(x.grad?.dtype).toBe('float32');
  expect(await values(x.grad)).toEqual([3, 3]);
});
