/** Gradients of several slices of one tensor, against sums of what each of them gives. */
import { arange, realize, type Tensor, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, describe, expect, it } from 'vitest';
import '../src/index.js';

type Slice = readonly [dim: number, start: number, end: number, step?: number];

const cases: Record<string, readonly Slice[]> = {
  'side by side': [
    [1, 0, 2],
    [1, 2, 3],
    [1, 3, 5],
  ],
  'in another order': [
    [0, 3, 4],
    [0, 0, 1],
    [0, 1, 3],
  ],
  'with gaps between, before and behind': [
    [1, 1, 2],
    [1, 3, 4],
  ],
  overlapping: [
    [0, 0, 3],
    [0, 1, 4],
    [0, 2, 4],
    [0, 3, 4],
  ],
  'the same twice': [
    [1, 1, 3],
    [1, 1, 3],
    [1, 3, 5],
  ],
  'of two dimensions': [
    [0, 0, 2],
    [1, 0, 2],
    [0, 2, 4],
    [1, 2, 5],
  ],
  'with steps, and of everything': [
    [1, 0, 5, 2],
    [1, 1, 5, 2],
    [0, 0, 4],
    [1, 0, 3],
    [1, 3, 5],
  ],
  'one of them empty': [
    [1, 0, 2],
    [1, 2, 2],
    [1, 2, 5],
  ],
};

describe('gradients of slices', () => {
  beforeAll(async () => {
    await use(reference(), { log: false });
  });

  it.each(Object.entries(cases))('%s', async (_, slices) => {
    const x: Tensor = arange(20).reshape(4, 5).to('float32');
    x.requiresGrad = true;
    const expected = Array.from({ length: 4 }, () => [0, 0, 0, 0, 0]);
    const losses = slices.map(([dim, start, end, step = 1], k) => {
      for (let i = 0; i < 4; i++)
        for (let j = 0; j < 5; j++) {
          const at = (dim === 0 ? i : j) - start;
          if (at >= 0 && at < end - start && at % step === 0) expected[i][j] += 2 * (k + 1) * (5 * i + j);
        }
      return x
        .slice(dim, start, end, step)
        .square()
        .sum()
        .mul(k + 1);
    });
    losses.reduce((a, b) => a.add(b)).backward();
    await realize(x.grad!);
    expect(await x.grad!.array()).toEqual(expected);
  });

  it('differentiate again', async () => {
    const x = tensor([1, 2, 3, 4], { requiresGrad: true });
    const [a, b] = x.chunk(2);
    a.mul(b).square().sum().backward(undefined, { createGraph: true });
    const first = x.grad!;
    x.grad = null;
    first.sum().backward();
    // Σ (a·b)²: first derivatives 2ab² and 2a²b, the sum's own 2b² + 4ab and 4ab + 2a².
    expect(await first.array()).toEqual([18, 64, 6, 32]);
    expect(await x.grad!.array()).toEqual([30, 64, 14, 40]);
  });
});
