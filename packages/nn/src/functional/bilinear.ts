import { autocastOperands, ShapeError, type Tensor, unlisted } from '@neurite/tensor';

/**
 * y = x₁ᵀ W x₂ + b: input1 [..., I], input2 [..., J], weight [O, I, J], bias [O] → [..., O].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.bilinear.html
 */
export function bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  [input1, input2, weight, bias] = autocastOperands('widest', input1, input2, weight, bias);
  const show = (x: Tensor) => `[${x.shape.join(', ')}]`;
  const fits =
    weight.ndim === 3 && input1.shape.at(-1) === weight.shape[1] && input2.shape.at(-1) === weight.shape[2];
  if (!fits)
    throw new ShapeError(
      `bilinear: inputs ${show(input1)} and ${show(input2)} do not fit the weight ${show(weight)} [O, I, J]`,
    );
  const products: Tensor = input1.unsqueeze(-1).mul(input2.unsqueeze(-2));
  const y: Tensor = unlisted(() => products.flatten(-2, -1).matmul(weight.flatten(1, 2).T as Tensor));
  return bias ? y.add(bias) : y;
}
