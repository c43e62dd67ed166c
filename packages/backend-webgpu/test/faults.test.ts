/** Devices that go away, memory that runs out, kernels that do not compile. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { onAnyGpu } from '@neurite/browser';
import {
  type DeviceBuffer,
  DeviceError,
  DeviceLostError,
  memory,
  NeuriteError,
  OutOfMemoryError,
  type Program,
  tensor,
  use,
} from '@neurite/tensor';
import { afterEach, expect, test, vi } from 'vitest';
import { type GpuBackend, type WebGpuOptions, webgpu } from '../src/index.js';
import type { GpuProgram } from '../src/program.js';
import { bytesOf, numbersOf, scaling } from './programs.js';
import { startGpu } from './start.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

const useGpu = async (options: WebGpuOptions = {}) => {
  const device = await use(onAnyGpu(webgpu(options)), { log: false });
  return { device, gpu: device.backend as GpuBackend };
};

test('without an adapter, or without WebGPU, it says so', async () => {
  vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => null } });
  await expect(webgpu().start()).rejects.toThrow(DeviceError);
  await expect(webgpu().start()).rejects.toThrow('no adapter');
  vi.stubGlobal('navigator', {});
  vi.stubGlobal('process', undefined);
  await expect(webgpu().start()).rejects.toThrow('this browser has no WebGPU');
});

test('a device lost in mid-step: what is pending fails, host data go on living on the next device', async () => {
  const { gpu, device } = await useGpu();
  const x = tensor([1, 2, 3]);
  const onDevice = x.mul(2);
  expect(await onDevice.array()).toEqual([2, 4, 6]);
  const pending = onDevice.add(1).array();
  gpu.device.destroy();
  await expect(pending).rejects.toThrow(DeviceLostError);
  await expect(onDevice.add(1).array()).rejects.toThrow('webgpu: the device was destroyed');
  await device.destroy();
  const next = await useGpu();
  expect(await x.mul(3).array()).toEqual([3, 6, 9]);
  await next.device.destroy();
});

test('a step that needs more than the budget fails, and the next one works', async () => {
  const { device } = await useGpu({ memoryBudget: 2 ** 20 });
  const x = tensor(new Float32Array(2 ** 16));
  await expect(
    x
      .add(1)
      .reshape(2 ** 16, 1)
      .mul(x)
      .data(),
  ).rejects.toThrow(OutOfMemoryError);
  expect((await x.add(1).data())[5]).toBe(1);
  expect(memory().live).toBeLessThan(2 ** 20);
  await device.destroy();
});

test('a kernel that does not compile is named, and the next one works', async () => {
  const gpu = await startGpu();
  const make = gpu.device.createShaderModule.bind(gpu.device);
  vi.spyOn(gpu.device, 'createShaderModule').mockImplementationOnce(({ label }) =>
    make({ label, code: 'nonsense' }),
  );
  const broken = gpu.compile(scaling(4, 5));
  await expect(broken).rejects.toThrow(NeuriteError);
  await expect(broken).rejects.toThrow(/kernel times_5 does not compile: line 1: /);
  const program = await gpu.compile(scaling(1, 7));
  const [a, b] = [gpu.allocate(4), gpu.allocate(4)];
  gpu.write(a, 0, bytesOf(3));
  gpu.submit([{ program, buffers: [a, b].map((buffer) => ({ buffer, byteOffset: 0 })), scalars: [] }]);
  expect(numbersOf(await gpu.read(b, 0, 4))).toEqual([21]);
  gpu.destroy();
});

test('what the device complains about later is told to the next who waits, once', async () => {
  const gpu = await startGpu();
  const complained = new Promise((resolve) => {
    gpu.device.addEventListener('uncapturederror', resolve, { once: true });
  });
  gpu.device.createBuffer({ label: 'oversized', size: gpu.device.limits.maxBufferSize + 4, usage: 128 });
  await complained;
  await expect(gpu.synchronize()).rejects.toThrow(DeviceError);
  await gpu.synchronize();
  gpu.destroy();
});

const bound = (...buffers: readonly ReturnType<GpuBackend['allocate']>[]) =>
  buffers.map((buffer) => ({ buffer, byteOffset: 0 }));

test('a kernel that the device refuses when it is to run is named, and the others are not', async () => {
  const gpu = await startGpu();
  const good = await gpu.compile(scaling(1, 7));
  const small = (await gpu.compile(scaling(1, 5))) as GpuProgram;
  const stages = small.stages.map((stage) => ({ ...stage, workgroups: [2 ** 20, 1] }));
  const bad = { ...small, stages };
  const [a, b] = [gpu.allocate(4), gpu.allocate(4)];
  gpu.write(a, 0, bytesOf(3));
  gpu.submit([
    { program: good, buffers: bound(a, b), scalars: [] },
    { program: bad, buffers: bound(a, b), scalars: [] },
  ]);
  const read = gpu.read(b, 0, 4);
  await expect(read).rejects.toThrow(DeviceError);
  await expect(read).rejects.toThrow(/^webgpu: kernel times_5 was refused: /);
  gpu.submit([{ program: good, buffers: bound(a, b), scalars: [] }]);
  expect(numbersOf(await gpu.read(b, 0, 4))).toEqual([21]);
  // A buffer that is too small for what the kernel binds.
  const wide = await gpu.compile(scaling(4096, 2));
  gpu.submit([{ program: wide, buffers: bound(a, gpu.allocate(4 * 4096)), scalars: [] }]);
  await expect(gpu.synchronize()).rejects.toThrow(/^webgpu: kernel times_2 cannot bind its buffers: /);
  await gpu.synchronize();
  gpu.destroy();
});

test('what a refused submission was to compute is not there, nor what was made from it', async () => {
  const gpu = await startGpu();
  const seven = await gpu.compile(scaling(1, 7));
  const [a, b, c, d] = [3, 0, 0, 5].map((value) => {
    const buffer = gpu.allocate(4);
    gpu.write(buffer, 0, bytesOf(value));
    return buffer;
  });
  const refused = {
    ...seven,
    stages: (seven as GpuProgram).stages.map((s) => ({ ...s, workgroups: [2 ** 20, 1] })),
  };
  const command = (program: Program, from: DeviceBuffer, to: DeviceBuffer) => ({
    program,
    buffers: bound(from, to),
    scalars: [],
  });
  gpu.submit([command(refused, a, b)]);
  gpu.flush();
  // In flight before the device has said anything.
  gpu.submit([command(seven, b, c)]);
  gpu.submit([command(seven, a, d)]);
  await expect(gpu.synchronize()).rejects.toThrow(/^webgpu: kernel times_7 was refused: /);
  for (const buffer of [b, c])
    await expect(gpu.read(buffer, 0, 4)).rejects.toThrow(
      /was refused: .*; so this value was never computed$/s,
    );
  expect(() => gpu.submit([command(seven, c, d)])).toThrow('so this value was never computed');
  expect(numbersOf(await gpu.read(d, 0, 4))).toEqual([21]);
  // What is written since is there.
  gpu.submit([command(seven, a, b), command(seven, b, d)]);
  gpu.write(c, 0, bytesOf(2));
  const read = await Promise.all([b, c, d].map((buffer) => gpu.read(buffer, 0, 4)));
  expect(read.flatMap(numbersOf)).toEqual([21, 2, 147]);
  gpu.destroy();
});

test('a kernel for whose buffer the device has no memory is named, and the buffer is not used again', async () => {
  const gpu = await startGpu();
  const program = await gpu.compile(scaling(1, 7));
  const a = gpu.allocate(4);
  gpu.write(a, 0, bytesOf(3));
  await gpu.synchronize();
  // As a device with less memory would answer: the software adapter takes what the machine has.
  const pop = gpu.device.popErrorScope.bind(gpu.device);
  vi.spyOn(gpu.device, 'popErrorScope').mockImplementationOnce(async () => {
    await pop();
    return { message: 'no memory here' } as GPUError;
  });
  const b = gpu.allocate(4);
  gpu.submit([{ program, buffers: bound(a, b), scalars: [] }]);
  const read = gpu.read(b, 0, 4);
  await expect(read).rejects.toThrow(OutOfMemoryError);
  await expect(read).rejects.toThrow(
    'webgpu: kernel times_7: the device has no memory for 256 bytes: no memory here',
  );
  gpu.free(b);
  const { buffers } = gpu.counters;
  const c = gpu.allocate(4);
  expect(gpu.counters.buffers).toBe(buffers + 1);
  gpu.submit([{ program, buffers: bound(a, c), scalars: [] }]);
  expect(numbersOf(await gpu.read(c, 0, 4))).toEqual([21]);
  gpu.destroy();
});

test('two hundred devices come and go, and leave nothing behind', async () => {
  const resident: number[] = [];
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 200; i++) {
    const { device } = await useGpu();
    expect(await tensor([i]).mul(2).item()).toBe(2 * i);
    await device.destroy();
    collect();
    resident.push(process.memoryUsage().rss / 2 ** 20);
  }
  const least = (from: number, to: number) => Math.min(...resident.slice(from, to));
  console.info(
    resident
      .filter((_, i) => i % 20 === 0)
      .map(Math.round)
      .join(' '),
  );
  expect(least(150, 200)).toBeLessThan(least(50, 100) * 1.1);
});

test('a long chain of operations compiles', async () => {
  const { device } = await useGpu();
  const y = tensor([1, 2]);
  let x = tensor([0.5, -1]);
  for (let i = 0; i < 1000; i++) x = x.add(y);
  expect([...(await x.data())]).toEqual([1000.5, 1999]);
  await device.destroy();
});
