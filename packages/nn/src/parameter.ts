import { type DType, type Shape, Tensor } from '@neurite/tensor';

export interface ParameterOptions {
  /** Whether gradients are computed for it; `false` freezes it. */
  requiresGrad?: boolean;
}
