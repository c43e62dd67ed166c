import { type Device, type DType, full, type Tensor } from '@neurite/tensor';

/** The options that make a tensor of another one's dtype and device. */
export const like = (x: Tensor): { dtype: DType; device: Device | null } => ({
  dtype: x.dtype,
  device: deviceOf(x),
});

/** The device of a tensor, as the functions that make tensors take it. */
export const deviceOf = (x: Tensor): Device | null => x.device as Device | null;

/**
 * A number that is part of a formula, in the dtype of `x`: a constant of the plan. A plain number operand
 * would be a runtime argument of it, which is for values that change.
 */
export const constant = (x: Tensor, value: number): Tensor => full([], value, { dtype: x.dtype });
