import { type DType, type Shape, Tensor } from '@neurite/tensor';

export interface ParameterOptions {
  /** Whether gradients are computed for it; `false` freezes it. */
  requiresGrad?: boolean;
}

/**
 * A tensor that a module learns: assigned to a field of a module it is registered as its parameter. It takes over the value and the
 * type of `value` and is a leaf of its own, so that writing to it in place leaves `value` alone.
 * https://pytorch.org/docs/1.13/generated/torch.nn.parameter.Parameter.html
 */
export class Parameter<S extends Shape = Shape, D extends DType = DType> extends Tensor<S, D> {
  constructor(value: Tensor<S, D>, { requiresGrad = true }: ParameterOptions = {}) {
    super(value.detach().node);
    this.requiresGrad_(requiresGrad);
  }
}
