/** How much the device is asked for: submissions, passes, copies. */
import type { DeviceBuffer, Program } from '@neurite/tensor';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { GpuBackend, GpuCounters } from '../src/index.js';
import { bytesOf, numbersOf, scaling } from './programs.js';
import { startGpu } from './start.js';

let gpu: GpuBackend;
let twice: Program;
let before: GpuCounters;
beforeAll(async () => {
  gpu = await startGpu();
  twice = await gpu.compile(scaling(3, 2));
});
afterAll(() => gpu.destroy());
beforeEach(async () => {
  await gpu.synchronize();
  before = { ...gpu.counters };
});

const since = (name: keyof GpuCounters): number => gpu.counters[name] - before[name];
const made = (...values: number[]): DeviceBuffer => {
  const buffer = gpu.allocate(values.length * 4);
  gpu.write(buffer, 0, bytesOf(...values));
  return buffer;
};
const run = (from: DeviceBuffer, to: DeviceBuffer): void =>
  gpu.submit([
    { program: twice, buffers: [from, to].map((buffer) => ({ buffer, byteOffset: 0 })), scalars: [] },
  ]);

test('commands and the reads that follow are one submission, one pass and one mapping', async () => {
  const [a, b, c] = [made(1, 2, 3), gpu.allocate(12), gpu.allocate(12)];
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  run(a, b);
  await turn();
  run(b, c);
  await turn();
  const read = await Promise.all([gpu.read(b, 0, 12), gpu.read(c, 4, 8)]);
  expect(read.map(numbersOf)).toEqual([
    [2, 4, 6],
    [8, 12],
  ]);
  expect([since('submits'), since('passes'), since('dispatches'), since('maps')]).toEqual([1, 1, 2, 1]);
  expect(since('bytesRead')).toBe(20);
  for (const buffer of [a, b, c]) gpu.free(buffer);
});

test('commands that nobody reads are handed over all the same', async () => {
  const [a, b] = [made(1, 2, 3), gpu.allocate(12)];
  run(a, b);
  while (since('submits') === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(since('dispatches')).toBe(1);
  for (const buffer of [a, b]) gpu.free(buffer);
});

test('a write waits for commands on its buffer, and for no others', async () => {
  const [a, b, c] = [made(1, 2, 3), gpu.allocate(12), gpu.allocate(12)];
  run(a, b);
  gpu.write(c, 0, bytesOf(5, 5, 5));
  expect(since('submits')).toBe(0);
  gpu.write(a, 0, bytesOf(7, 8, 9));
  expect(since('submits')).toBe(1);
  expect(numbersOf(await gpu.read(b, 0, 12))).toEqual([2, 4, 6]);
  expect(numbersOf(await gpu.read(a, 0, 12))).toEqual([7, 8, 9]);
  for (const buffer of [a, b, c]) gpu.free(buffer);
});

test('what is freed is used again: a loop makes no buffers, nor bind groups', async () => {
  const round = async () => {
    const [a, b] = [made(1, 2, 3), gpu.allocate(12)];
    run(a, b);
    expect(numbersOf(await gpu.read(b, 0, 12))).toEqual([2, 4, 6]);
    for (const buffer of [b, a]) gpu.free(buffer);
  };
  for (let i = 0; i < 3; i++) await round();
  before = { ...gpu.counters };
  for (let i = 0; i < 5; i++) await round();
  expect([since('buffers'), since('bindGroups'), since('pipelines'), since('submits')]).toEqual([0, 0, 0, 5]);
});

test('bytes are written in words', () => {
  const buffer = gpu.allocate(12);
  expect(() => gpu.write(buffer, 2, new Uint8Array(4))).toThrow('bytes 2 to 6 of a buffer of 12 bytes');
  expect(() => gpu.write(buffer, 0, new Uint8Array(3))).toThrow('words can be written');
  expect(() => gpu.write(buffer, 8, new Uint8Array(8))).toThrow('bytes 8 to 16 of a buffer of 12 bytes');
  gpu.free(buffer);
  expect(() => gpu.write(buffer, 0, new Uint8Array(4))).toThrow('a freed buffer is used');
});
