import { type DType, type Shape, Tensor } from '@neurite/tensor';

export interface ParameterOptions {
  /** Whether gradients are computed for it; `false` freezes it. */
  requiresGrad?: boolean;
}

/**
 * A tensor that a module learns: assigned to a field of a module it is registered as its parameter. It takes
 * over the value and the type of the tensor it is made from and is a leaf of its own, so that writing to it
 * in place leaves the other alone. https://pytorch.org/docs/1.13/generated/torch.nn.parameter.Parameter.html
 *
 * The type is an intersection, not a class: TypeScript (6.0) takes the type parameters of a class derived
 * from `Tensor` for invariant, and a `Parameter<[1]>` would not be a `Parameter`.
 */
export type Parameter<S extends Shape = Shape, D extends DType = DType> = Tensor<S, D> & {
  readonly isParameter: true;
};

interface ParameterConstructor {
  new <S extends Shape, D extends DType>(value: Tensor<S, D>, options?: ParameterOptions): Parameter<S, D>;
  readonly prototype: Parameter;
}

export const Parameter = class Parameter extends Tensor {
  readonly isParameter = true;

  constructor(value: Tensor, { requiresGrad = true }: ParameterOptions = {}) {
    super(value.detach().node);
    this.requiresGrad_(requiresGrad);
  }
} as unknown as ParameterConstructor;
