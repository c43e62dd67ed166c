import { type Tensor, tensor } from '@neurite/tensor';

/** A parameter with a value and, if wanted, a gradient. */
export function parameter(
  data: readonly number[],
  grad?: readonly number[],
  shape: readonly number[] = [data.length],
): Tensor {
  const param: Tensor = tensor(Float32Array.from(data), { shape, requiresGrad: true });
  if (grad) param.grad = tensor(Float32Array.from(grad), { shape });
  return param;
}

/** Gives a parameter another gradient. */
export function setGrad(param: Tensor, grad: readonly number[]): void {
  param.grad = tensor(Float32Array.from(grad), { shape: param.shape });
}

/** The elements of a tensor, as an ordinary array. */
export const values = async (t: Tensor): Promise<number[]> => Array.from(await t.data());
