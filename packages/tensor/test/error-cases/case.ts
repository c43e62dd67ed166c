/** One row of the error tables, and the tensors that the rows share. */
import { full, type NeuriteError, type Tensor, tensor, zeros } from '../../src/index.js';

export type Case = [
  name: string,
  call: () => unknown,
  error: new (message: string) => NeuriteError,
  message: string,
];

export const x: Tensor = zeros([2, 3]);
export const y: Tensor = zeros([4, 3]);
export const b: Tensor = full([2, 3], true);
export const i: Tensor = zeros([2, 3], { dtype: 'int32' });
export const int = (values: number[] | number[][] | number): Tensor => tensor(values, { dtype: 'int32' });
