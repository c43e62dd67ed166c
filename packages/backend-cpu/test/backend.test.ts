import { type Backend, OutOfMemoryError, ValidationError } from '@neurite/tensor';
import { afterEach, expect, test, vi } from 'vitest';
import { cpu } from '../src/index.js';
import { convKernel } from './contractionKernels.js';
import { f32, op, pointwise } from './typical-kernels.js';

const start = async (memoryBudget?: number): Promise<Backend> =>
  (await cpu({ memoryBudget }).start()).backend;

afterEach(() => {
  vi.restoreAllMocks();
});

test('start says what runs', async () => {
  expect((await cpu({ threads: 1 }).start()).notes).toEqual(['wasm simd', '1 thread']);
  expect((await cpu({ threads: 3 }).start()).notes).toEqual(['wasm simd', '3 threads']);
});

test('kernels are interpreted where there is no SIMD', async () => {
  vi.spyOn(WebAssembly, 'validate').mockReturnValue(false);
  const { backend, notes } = await cpu().start();
  expect(notes).toEqual(['no WebAssembly SIMD: kernels are interpreted, which is slow']);
  expect(backend.name).toBe('cpu');
  const program = await backend.compile(pointwise('double', 3, (x) => op('mul', x, f32(2))));
  const [from, to] = [backend.allocate(12), backend.allocate(12)];
  backend.write(from, 0, new Uint8Array(Float32Array.of(1, 2, 3).buffer));
  backend.submit([
    { program, buffers: [from, to].map((buffer) => ({ buffer, byteOffset: 0 })), scalars: [] },
  ]);
  expect([...new Float32Array((await backend.read(to, 0, 12)).buffer)]).toEqual([2, 4, 6]);
});

test('a number of threads below one is refused', async () => {
  for (const threads of [0, -1, 1.5])
    await expect(cpu({ threads }).start()).rejects.toThrow('threads must be');
});

test('bytes written come back as a copy', async () => {
  const backend = await start();
  const buffer = backend.allocate(16);
  backend.write(buffer, 4, new Uint8Array([1, 2, 3]));
  const read = await backend.read(buffer, 4, 3);
  backend.write(buffer, 4, new Uint8Array([9, 9, 9]));
  expect([...read]).toEqual([1, 2, 3]);
});

test('code that few kernels need is loaded with the first of them, once', async () => {
  const backend = await start();
  const rare = pointwise('rare', 5, (x) => op('erf', x));
  const layer = { batch: 1, inChannels: 2, outChannels: 2, inputSize: [5, 5], kernelSize: [3, 3] };
  const conv = convKernel(layer, 'forward');
  const first = [backend.compile(rare), backend.specialize?.(conv)];
  for (const program of first) expect(program).toBeInstanceOf(Promise);
  const [, tuned] = await Promise.all(first);
  expect(tuned).toMatchObject({ parts: [{ name: 'contract0' }] });
  for (const program of [backend.compile(rare), backend.specialize?.(conv)])
    expect(program).toMatchObject({ kernel: { name: expect.any(String) } });
});

test('a program runs on any buffers and any offset without compiling again', async () => {
  const backend = await start();
  const program = await backend.compile(pointwise('double', 5, (x) => op('mul', x, f32(2))));
  for (const byteOffset of [0, 64, 640]) {
    const [from, to] = [backend.allocate(1024), backend.allocate(1024)];
    backend.write(from, byteOffset, new Uint8Array(Float32Array.of(1, 2, 3, 4, 5).buffer));
    const buffers = [from, to].map((buffer) => ({ buffer, byteOffset }));
    backend.submit([{ program, buffers, scalars: [] }]);
    const bytes = await backend.read(to, byteOffset, 20);
    expect([...new Float32Array(bytes.buffer)]).toEqual([2, 4, 6, 8, 10]);
  }
});

test('an allocation over the budget is refused and everything goes on', async () => {
  const backend = await start(1024 * 1024);
  const first = backend.allocate(600 * 1024);
  expect(() => backend.allocate(600 * 1024)).toThrow(OutOfMemoryError);
  backend.free(first);
  const second = backend.allocate(1000 * 1024);
  backend.write(second, 0, new Uint8Array([7]));
  expect([...(await backend.read(second, 0, 1))]).toEqual([7]);
});

test('wrong use is refused: freed buffers, ranges outside a buffer, missing arguments', async () => {
  const backend = await start();
  const buffer = backend.allocate(16);
  expect(() => backend.write(buffer, 8, new Uint8Array(9))).toThrow('bytes 8 to 17 of a buffer of 16 bytes');
  await expect(backend.read(buffer, -1, 4)).rejects.toThrow(ValidationError);
  const program = await backend.compile(pointwise('copy', 4, (x) => x));
  const bound = { buffer, byteOffset: 0 };
  expect(() => backend.submit([{ program, buffers: [bound], scalars: [] }])).toThrow('given 1 buffers');
  backend.free(buffer);
  expect(() => backend.submit([{ program, buffers: [bound, bound], scalars: [] }])).toThrow('freed buffer');
  expect(() => backend.free(buffer)).toThrow(ValidationError);
});

test('ten thousand steps of allocations and runs hold memory flat', async () => {
  const backend = await start(2 * 1024 * 1024);
  const program = await backend.compile(pointwise('copy', 1000, (x) => x));
  for (let step = 0; step < 10_000; step++) {
    const buffers = [4000, 4000 + (step % 7) * 64].map((bytes) => ({
      buffer: backend.allocate(bytes),
      byteOffset: 0,
    }));
    backend.submit([{ program, buffers, scalars: [] }]);
    for (const { buffer } of buffers) backend.free(buffer);
  }
  // All of the budget is free again, but for the argument block.
  backend.free(backend.allocate(2 * 1024 * 1024 - 64 * 1024));
});
