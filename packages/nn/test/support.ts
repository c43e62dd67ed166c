import '@neurite/autograd';
import { Tensor, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { expect } from 'vitest';

/** Makes the reference backend the device of a test file. */
export const useReference = (): Promise<unknown> => use(reference());

/** A float64 vector. */
export const vector = (...values: number[]): Tensor => tensor(values, { dtype: 'float64' });

/** A float32 tensor that requires gradients. */
export const variable = (
  data: Parameters<typeof tensor>[0],
  dtype: 'float32' | 'float64' = 'float64',
): Tensor => tensor(data, { dtype, requiresGrad: true });

/** Class numbers. */
export const labels = (data: Parameters<typeof tensor>[0]): Tensor => tensor(data, { dtype: 'int32' });

/** The elements in a plain array. */
export const values = async (t: Tensor | null | undefined): Promise<number[]> => {
  expect(t).toBeInstanceOf(Tensor);
  return [...(await (t as Tensor).data())];
};

/** The elements are those expected, to `digits` decimal places; NaN and infinities count as themselves. */
export async function expectValues(
  t: Tensor | null | undefined,
  expected: readonly number[],
  digits = 6,
): Promise<void> {
  const got = await values(t);
  expect(got).toHaveLength(expected.length);
  got.forEach((value, i) => {
    if (Number.isFinite(expected[i]))
      expect(value, `element ${i} of ${got}`).toBeCloseTo(expected[i], digits);
    else expect(value, `element ${i} of ${got}`).toBe(expected[i]);
  });
}

/** The gradient of Σ fn(x) at x. */
export function gradientOf(fn: (x: Tensor) => Tensor, x: Tensor): Tensor {
  x.grad = null;
  fn(x).sum().backward();
  return x.grad as unknown as Tensor;
}
