import {
  type Backend,
  DTYPES,
  type DType,
  fromHalfBits,
  isFloat,
  type Program,
  type TypedArray,
  toHalfBits,
  viewAs,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { printKernel } from '@neurite/tensor/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileKernel } from '../src/codegen/compile.js';
import { cpu } from '../src/index.js';
import { argumentLayout } from '../src/program.js';
import { loadEverything } from './loadEverything.js';
import { type RandomCase, randomCase } from './random-kernels.js';

const MARGIN = 64;

async function run(backend: Backend, { kernel, inputs, scalars }: RandomCase): Promise<number[][]> {
  const program: Program = await backend.compile(kernel);
  const bound = kernel.buffers.map(({ dtype }, i) => {
    const bytes = bytesOf(dtype, inputs[i]);
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
      return numbersOf(dtype, new Uint8Array(bytes.subarray(MARGIN, buffer.bytes - MARGIN)));
    }),
  );
}

const bytesOf = (dtype: DType, values: readonly number[]): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(values.length * DTYPES[dtype].bytes);
  viewAs(dtype, bytes).set(dtype === 'float16' ? values.map(toHalfBits) : values);
  return bytes;
};
const numbersOf = (dtype: DType, bytes: Uint8Array<ArrayBuffer>): number[] => {
  const elements = Array.from(viewAs(dtype, bytes) as TypedArray);
  return dtype === 'float16' ? elements.map(fromHalfBits) : elements;
};

await loadEverything();
const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536 });

/** Runs a kernel that is cut into stages wherever that can be done, unit by unit and backwards, working memory full of NaN. */
function runInStages({ kernel, inputs, scalars }: RandomCase): { stages: number; results: number[][] } {
  const eager = {
    minUnits: Number.POSITIVE_INFINITY,
    stageWork: 0,
    pieceWork: 1,
    columns: { minRows: 1, minColumns: 1 },
    sliceWork: 0,
  };
  const { parts, scratchBytes, sharedBytes } = compileKernel(kernel, memory, eager);
  const layout = argumentLayout(kernel);
  new Uint8Array(memory.buffer).fill(255);
  let end = MARGIN;
  const place = (bytes: number): number => {
    const start = end;
    end = Math.ceil((end + bytes) / MARGIN) * MARGIN + MARGIN;
    return start;
  };
  const args = place(layout.bytes);
  const view = new DataView(memory.buffer);
  const buffers = kernel.buffers.map(({ dtype }, i) => {
    const bytes = bytesOf(dtype, inputs[i]);
    const start = place(bytes.length);
    new Uint8Array(memory.buffer, start).set(bytes);
    view.setUint32(args + layout.buffer(i), start, true);
    return { dtype, start, bytes: bytes.length };
  });
  view.setUint32(args + layout.shared, place(sharedBytes), true);
  const scratch = place(scratchBytes);
  kernel.scalars.forEach((dtype, slot) => {
    const at = args + layout.scalar(slot);
    if (dtype === 'float64') view.setFloat64(at, scalars[slot], true);
    else if (isFloat(dtype)) view.setFloat32(at, scalars[slot], true);
    else view.setInt32(at, scalars[slot], true);
  });
  for (const { units, run: runUnits } of parts) {
    for (let unit = units - 1; unit >= 0; unit--) runUnits(unit, unit + 1, args, scratch);
  }
  const results = buffers.map(({ dtype, start, bytes }) =>
    numbersOf(dtype, new Uint8Array(memory.buffer, start, bytes).slice()),
  );
  return { stages: parts.length, results };
}

test('random kernels cut into stages give what the reference backend gives', async () => {
  const oracle = (await reference().start()).backend;
  let cut = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const c = randomCase(seed);
      const { stages, results } = runInStages(c);
      if (stages > 1) cut++;
      const expected = await run(oracle, c);
      for (const [i, values] of expected.entries()) {
        expect(
          results[i].map((x) => x + 0),
          printKernel(c.kernel),
        ).toEqual(values.map((x) => x + 0));
      }
    }),
    { numRuns: Number(process.env.NEURITE_FUZZ_RUNS ?? 200) },
  );
  expect(cut).toBeGreaterThan(20);
});

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
