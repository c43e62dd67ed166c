import { type Device, type DType, empty } from '@neurite/tensor';
import { Parameter } from '../parameter.js';

/** Where a layer's parameters live and of which dtype they are. */
export interface FactoryOptions {
  device?: Device;
  dtype?: DType;
}

/** The names in {@link FactoryOptions}, for `readArguments`. */
export const FACTORY = ['device', 'dtype'] as const;

/** A parameter whose values an initialiser is about to set. */
export function newParameter(shape: readonly number[], { device, dtype }: FactoryOptions): Parameter {
  return new Parameter(empty(shape, { device, dtype }));
}
