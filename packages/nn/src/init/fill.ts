import { defaultGenerator, type Generator, tensor as makeTensor, noGrad, type Tensor } from '@neurite/tensor';

import { like } from '../like.js';

/** Where the numbers come from; the default generator if left out. */
export interface RandomOptions {
  generator?: Generator;
}

/** The generator that an initialiser draws from. */
export const generatorOf = ({ generator }: RandomOptions): Generator => generator ?? defaultGenerator;

/** Gives `target` values made on the host, outside the tape; the dtype is the target's. */
export function fill<T extends Tensor>(target: T, values: Float32Array | Float64Array): T {
  noGrad(() => {
    target.copy_(makeTensor(values, { shape: [...target.shape], ...like(target) }));
  });
  return target;
}
