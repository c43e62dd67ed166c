/** Small results are slices of shared GPU buffers, and nobody can tell. */
import type { DeviceBuffer, Program } from '@neurite/tensor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GpuBackend } from '../src/index.js';
import { bytesOf, numbersOf, scaling } from './programs.js';
import { startGpu } from './start.js';

let gpu: GpuBackend;
let twice: Program;
beforeAll(async () => {
  gpu = await startGpu();
  twice = await gpu.compile(scaling(3, 2));
});
afterAll(() => gpu.destroy());

const run = (from: DeviceBuffer, to: DeviceBuffer): void =>
  gpu.submit([
    { program: twice, buffers: [from, to].map((buffer) => ({ buffer, byteOffset: 0 })), scalars: [] },
  ]);
const given = (): DeviceBuffer => {
  const buffer = gpu.allocate(12);
  gpu.write(buffer, 0, bytesOf(1, 2, 3));
  return buffer;
};

test('results that nobody frees make no GPU buffer each', async () => {
  const x = given();
  const results: DeviceBuffer[] = [];
  const next = async () => {
    const y = gpu.allocate(12, 'result');
    run(x, y);
    await gpu.synchronize();
    results.push(y);
  };
  await next();
  await next();
  const before = gpu.counters.buffers;
  for (let i = 0; i < 100; i++) await next();
  gpu.write(results[7], 4, bytesOf(7));
  const read = await Promise.all(results.map((y) => gpu.read(y, 0, 12)));
  // The staging buffers of the read.
  expect(gpu.counters.buffers - before).toBeLessThanOrEqual(1);
  expect(numbersOf(read[7])).toEqual([2, 7, 6]);
  for (const bytes of read.filter((_, i) => i !== 7)) expect(numbersOf(bytes)).toEqual([2, 4, 6]);
  for (const buffer of [x, ...results]) gpu.free(buffer);
});

test('a result of each step that the next one reads is moved out of their slab', async () => {
  const results = [given()];
  let before = 0;
  for (let i = 0; i < 20; i++) {
    const y = gpu.allocate(12, 'result');
    run(results.at(-1)!, y);
    await gpu.synchronize();
    results.push(y);
    if (i === 5) before = gpu.counters.buffers;
  }
  // Submissions fill slabs in turn by now.
  expect(gpu.counters.buffers).toBe(before);
  const read = await Promise.all(results.map((y) => gpu.read(y, 0, 12)));
  read.forEach((bytes, i) => expect(numbersOf(bytes)).toEqual([2 ** i, 2 * 2 ** i, 3 * 2 ** i]));
  for (const buffer of results) gpu.free(buffer);
});

test('results of one plan may be made from each other', async () => {
  const x = given();
  const [y, z] = [gpu.allocate(12, 'result'), gpu.allocate(12, 'result')];
  const { passes, submits } = gpu.counters;
  gpu.submit(
    [
      [x, y],
      [y, z],
    ].map((buffers) => ({
      program: twice,
      buffers: buffers.map((buffer) => ({ buffer, byteOffset: 0 })),
      scalars: [],
    })),
  );
  expect(numbersOf(await gpu.read(z, 0, 12))).toEqual([4, 8, 12]);
  expect([gpu.counters.passes - passes, gpu.counters.submits - submits]).toEqual([1, 1]);
  for (const buffer of [x, y, z]) gpu.free(buffer);
});
