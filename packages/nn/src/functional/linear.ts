import { autocastOperands, ShapeError, type Tensor } from '@neurite/tensor';

/**
 * x Wᵀ + b. Shapes: input [..., I], weight [O, I] (or [I]), bias [O] → [..., O].
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.linear.html
 */
export function linear(input: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  [input, weight, bias] = autocastOperands('float16', input, weight, bias);
  const inFeatures = weight.shape.at(-1);
  if (input.ndim === 0 || input.shape.at(-1) !== inFeatures) {
    throw new ShapeError(
      `linear: the input [${input.shape.join(', ')}] must end in the weight's ${inFeatures} features (weight [${weight.shape.join(', ')}])`,
    );
  }
  const product = weight.ndim === 1 ? input.matmul(weight) : input.matmul(weight.transpose(0, 1));
  return bias ? product.add(bias) : product;
}
