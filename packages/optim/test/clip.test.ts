import { readFileSync } from 'node:fs';
import { NeuriteError, type Tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, describe, expect, test } from 'vitest';
import { clipGradNorm, clipGradValue, SGD } from '../src/index.js';
import { parameter, values } from './helpers.js';

interface Case {
  id: string;
  grads_before: { shape: number[]; data: number[] }[];
  grads_after: { shape: number[]; data: number[] }[];
  max_norm: number;
  norm_type: number | { $f: 'inf' };
  total_norm: number;
}
const cases = JSON.parse(readFileSync(new URL('fixtures/clipping.json', import.meta.url), 'utf8')) as Case[];

beforeAll(async () => {
  await use(reference());
});

const closeTo = (got: readonly number[], expected: readonly number[]): void => {
  expect(got.length).toBe(expected.length);
  got.forEach((value, i) => {
    expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(1e-6 + 1e-5 * Math.abs(expected[i]));
  });
};
const gradOf = (param: Tensor): Promise<number[]> => values(param.grad as Tensor);

describe('clipGradNorm', () => {
  test.each(cases.map((c) => [c.id, c] as const))('%s of PyTorch', async (_, c) => {
    const params = c.grads_before.map(({ shape, data }) => parameter(data, data, shape));
    const normType = typeof c.norm_type === 'number' ? c.norm_type : Number.POSITIVE_INFINITY;
    const norm = clipGradNorm(params, c.max_norm, { normType });
    closeTo([await norm.item()], [c.total_norm]);
    for (const [i, param] of params.entries()) closeTo(await gradOf(param), c.grads_after[i].data);
  });

  test('leaves small gradients, and parameters without one, alone', async () => {
    const [a, b] = [parameter([0, 0], [0.3, 0.4]), parameter([1])];
    closeTo([await clipGradNorm([a, b], 1).item()], [0.5]);
    closeTo(await gradOf(a), [0.3, 0.4]);
    expect(await clipGradNorm([b], 1).item()).toBe(0);
    expect(await clipGradNorm([], 1).item()).toBe(0);
  });

  test('knows other norms and takes a single parameter', async () => {
    const a = () => parameter([0, 0, 0], [1, -2, 2]);
    closeTo([await clipGradNorm(a(), 1, { normType: 1 }).item()], [5]);
    closeTo([await clipGradNorm(a(), 1, { normType: 3 }).item()], [17 ** (1 / 3)]);
  });

  test('its norm can be read after the step that used it', async () => {
    const a = parameter([1, 1], [3, 4]);
    const norm = clipGradNorm([a], 1);
    await new SGD([a], { lr: 1 }).step();
    closeTo([await norm.item()], [5]);
    closeTo(await values(a), [0.4, 0.2]);
  });

  test('refuses norms that are not finite, when asked to', async () => {
    const a = parameter([0, 0], [1, Number.NaN]);
    const clipping = clipGradNorm([a], 1, { errorIfNonfinite: true });
    await expect(clipping).rejects.toThrow(NeuriteError);
    await expect(clipping).rejects.toThrow(/total norm of order 2 of the gradients is NaN/);
    expect(await gradOf(a)).toEqual([1, Number.NaN]);
    const b = parameter([0], [4]);
    closeTo([await (await clipGradNorm([b], 1, { errorIfNonfinite: true })).item()], [4]);
    closeTo(await gradOf(b), [1]);
    expect(() => clipGradNorm([b], -1)).toThrow(/maxNorm is -1/);
    expect(() => clipGradNorm([b], 1, { normType: 0 })).toThrow(/normType is 0/);
  });
});

describe('clipGradValue', () => {
  test('clamps each element, and NaN stays', async () => {
    const [a, b] = [parameter([0, 0, 0], [-3, 0.5, Number.NaN]), parameter([1])];
    clipGradValue([a, b], 1);
    expect(await gradOf(a)).toEqual([-1, 0.5, Number.NaN]);
    expect(() => clipGradValue([a], -1)).toThrow(/clipValue is -1/);
  });
});
