/** Small kernels for tests of the backend itself. */
import { createExprBuilder, type Kernel } from '@neurite/tensor';

const b = createExprBuilder();

/** out1 = in0 · factor, on `size` numbers. */
export function scaling(size: number, factor: number): Kernel {
  const i = b.variable('i', size);
  const value = b.op('mul', [b.load(0, i, 'float32'), b.constant(factor, 'float32')]);
  return {
    name: `times_${factor}`,
    buffers: [
      { dtype: 'float32', size, access: 'read' },
      { dtype: 'float32', size, access: 'write' },
    ],
    scalars: [],
    nests: [
      {
        outer: [{ variable: i, size }],
        phases: [
          {
            loops: [],
            ordered: false,
            reductions: [],
            stores: [{ buffer: 1, index: i, value, mode: 'set', guard: null }],
          },
        ],
        contraction: null,
      },
    ],
  };
}

export const bytesOf = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
export const numbersOf = (bytes: Uint8Array): number[] => [...new Float32Array(bytes.slice().buffer)];
