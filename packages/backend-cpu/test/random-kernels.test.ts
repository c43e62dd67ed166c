import {
  type Backend,
  DTYPES,
  fromHalfBits,
  type Program,
  printKernel,
  type TypedArray,
  toHalfBits,
  viewAs,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cpu } from '../src/index.js';
import { type RandomCase, randomCase } from './random-kernels.js';

const MARGIN = 64;

async function run(backend: Backend, { kernel, inputs, scalars }: RandomCase): Promise<number[][]> {
  const program: Program = await backend.compile(kernel);
  const bound = kernel.buffers.map(({ dtype, size }, i) => {
    const bytes = new Uint8Array(size * DTYPES[dtype].bytes);
    viewAs(dtype, bytes).set(dtype === 'float16' ? inputs[i].map(toHalfBits) : inputs[i]);
    const buffer = backend.allocate(bytes.length + 2 * MARGIN);
    backend.write(buffer, 0, new Uint8Array(bytes.length + 2 * MARGIN).fill(0x55));
    backend.write(buffer, MARGIN, bytes);
    return { buffer, byteOffset: MARGIN };
  });
  backend.submit([{ program, buffers: bound, scalars }]);
  return Promise.all(
    bound.map(async ({ buffer }, i) => {
      const { dtype } = kernel.buffers[i];
      const bytes = await backend.read(buffer, 0, buffer.bytes);
      const margins = [...bytes.subarray(0, MARGIN), ...bytes.subarray(buffer.bytes - MARGIN)];
      expect(margins.every((byte) => byte === 0x55)).toBe(true);
      backend.free(buffer);
      const elements = Array.from(viewAs(dtype, bytes.slice(MARGIN, buffer.bytes - MARGIN)) as TypedArray);
      return dtype === 'float16' ? elements.map(fromHalfBits) : elements;
    }),
  );
}

test('random kernels give what the reference backend gives', async () => {
  const tested = (await cpu({ memoryBudget: 2 ** 28 }).start()).backend;
  const oracle = (await reference().start()).backend;
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const c = randomCase(seed);
      const actual = await run(tested, c);
      const expected = await run(oracle, c);
      for (const [i, values] of expected.entries()) {
        // +0 and −0 are one number here.
        expect(
          actual[i].map((x) => x + 0),
          printKernel(c.kernel),
        ).toEqual(values.map((x) => x + 0));
      }
    }),
    { numRuns: Number(process.env.NEURITE_FUZZ_RUNS ?? 200) },
  );
});
