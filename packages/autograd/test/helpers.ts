import { Generator, hostUniform, type Tensor, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll } from 'vitest';

/** Runs a test file on the reference backend. */
export function onReference(): void {
  beforeAll(async () => {
    await use(reference());
  });
}

/** A float64 variable with fixed random elements between `low` and `high`. */
export function random(shape: readonly number[], seed: number, low = -2, high = 2): Tensor {
  const size = shape.reduce((n, s) => n * s, 1);
  return variable([...hostUniform(new Generator(seed), size, low, high)], shape);
}

/** A float64 variable with these elements. */
export function variable(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  return tensor(Float64Array.from(values), { shape, dtype: 'float64', requiresGrad: true });
}

/** An int32 tensor. */
export const indices = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  tensor(Int32Array.from(values), { shape, dtype: 'int32' });

/** The elements of a gradient that must be there. */
export async function values(t: Tensor | null): Promise<number[]> {
  if (!t) throw new Error('no gradient arrived');
  return [...(await t.data())];
}
