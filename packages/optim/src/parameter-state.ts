import type { Tensor } from '@neurite/tensor';

/** What an optimizer remembers of one parameter, under PyTorch's names: tensors on the device, counters on the host. */
export type ParameterState = Record<string, Tensor | number>;

/** Which members a parameter's state has. */
export type StateLayout = Readonly<Record<string, 'tensor' | 'number'>>;
