/** Programs of several dispatches, with memory between them. */
import { OutOfMemoryError, type Program } from '@neurite/tensor';
import { afterEach, expect, test } from 'vitest';
import { zeroCounters } from '../src/counters.js';
import type { GpuBackend } from '../src/index.js';
import { createCompiler } from '../src/program.js';
import { assembleStages, createScope } from '../src/wgsl/module.js';
import { bytesOf, numbersOf, scaling } from './programs.js';
import { startGpu } from './start.js';

let gpu: GpuBackend;
afterEach(() => gpu.destroy());

const SIZE = 100;

/** Doubles into scratch, and takes that from its end: no order of single invocations does it in one dispatch. */
function reversing(size = SIZE): Promise<Program> {
  const scope = createScope(scaling(SIZE, 2));
  const part = (name: string, body: string) => ({
    name,
    text: `fn ${name}(block: i32, local: i32) {\n  let i = block * 64 + local;\n  if (i < ${SIZE}) { ${body} }\n}`,
    workgroups: Math.ceil(SIZE / 64),
  });
  const shader = assembleStages(
    scope,
    [
      { entry: 'double', parts: [part('double_all', 'between[i] = in0[i] * 2;')] },
      { entry: 'reverse', parts: [part('reverse_all', `out1[i] = between[${SIZE - 1} - i];`)] },
    ],
    64,
    [{ name: 'between', type: 'f32', size }],
  );
  return createCompiler(gpu.device, zeroCounters()).compile(scope.kernel, shader);
}

const input = Array.from({ length: SIZE }, (_, i) => i);
const run = async (program: Program): Promise<number[]> => {
  const [from, to] = [gpu.allocate(SIZE * 4), gpu.allocate(SIZE * 4)];
  try {
    gpu.write(from, 0, bytesOf(...input));
    gpu.submit([{ program, buffers: [from, to].map((buffer) => ({ buffer, byteOffset: 0 })), scalars: [] }]);
    return numbersOf(await gpu.read(to, 0, SIZE * 4));
  } finally {
    gpu.free(to);
    gpu.free(from);
  }
};

test('stages run in order, in one pass; a loop makes no buffers and no bind groups', async () => {
  gpu = await startGpu();
  const program = await reversing();
  for (let i = 0; i < 2; i++) expect(await run(program)).toEqual(input.map((x) => 2 * x).reverse());
  const before = { ...gpu.counters };
  for (let i = 0; i < 3; i++) expect(await run(program)).toEqual(input.map((x) => 2 * x).reverse());
  const { submits, passes, dispatches, buffers, bindGroups } = gpu.counters;
  expect(
    [submits, passes, dispatches].map((n, i) => n - [before.submits, before.passes, before.dispatches][i]),
  ).toEqual([3, 3, 6]);
  expect([buffers, bindGroups]).toEqual([before.buffers, before.bindGroups]);
});

test('memory between stages that cannot be had is missed before anything runs', async () => {
  gpu = await startGpu({ memoryBudget: 2 ** 20 });
  const large = await reversing(2 ** 18);
  const { dispatches } = gpu.counters;
  await expect(run(large)).rejects.toThrow(OutOfMemoryError);
  expect(await run(await reversing())).toEqual(input.map((x) => 2 * x).reverse());
  expect(gpu.counters.dispatches).toBe(dispatches + 2);
});
