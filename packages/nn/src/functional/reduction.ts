import { ShapeError, type Tensor, ValueError } from '@neurite/tensor';

/** How a loss becomes its result: one value per element, or their mean or sum. */
export type Reduction = 'none' | 'mean' | 'sum';

export interface ReductionOptions {
  reduction?: Reduction;
}

/** Applies a reduction to losses per element. */
export function reduceLoss(name: string, losses: Tensor, reduction: Reduction = 'mean'): Tensor {
  switch (reduction) {
    case 'none':
      return losses;
    case 'mean':
      return losses.mean();
    case 'sum':
      return losses.sum();
    default:
      throw new ValueError(`${name}: reduction must be 'none', 'mean' or 'sum', got '${String(reduction)}'`);
  }
}

/**
 * Input and target of an elementwise loss must agree: broadcasting [N] against [N, 1] would average N² wrong
 * pairs.
 */
export function checkSameShape(name: string, input: Tensor, target: Tensor): void {
  if (input.ndim !== target.ndim || input.shape.some((size, d) => size !== target.shape[d])) {
    throw new ShapeError(
      `${name}: input [${input.shape.join(', ')}] and target [${target.shape.join(', ')}] must have the same shape`,
    );
  }
}
