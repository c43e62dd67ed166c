/** What is larger than a device's limits: dispatches, tensors, reads. The device has WebGPU's default limits. */
import { onAnyGpu } from '@neurite/browser';
import {
  type Device,
  type DType,
  keep,
  memory,
  OutOfMemoryError,
  realize,
  type Tensor,
  tensor,
  use,
} from '@neurite/tensor';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type GpuBackend, webgpu } from '../src/index.js';
import type { GpuProgram } from '../src/program.js';

let device: Device;
let gpu: GpuBackend;
beforeAll(async () => {
  device = await use(onAnyGpu(webgpu({ limits: 'default' })), { log: false });
  gpu = device.backend as GpuBackend;
});
afterAll(() => device.destroy());
beforeEach(() => {
  vi.restoreAllMocks();
});

const MIB = 2 ** 20;
const WIDEST = 65535;
const sequence = (size: number, modulo: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => i % modulo);

/** The most workgroups of a dispatch among the programs that a computation compiles. */
async function workgroupsOf(compute: () => Promise<unknown>): Promise<number> {
  const made: unknown[] = [];
  for (const name of ['compile', 'specialize'] as const) {
    const original = gpu[name]!.bind(gpu);
    vi.spyOn(gpu, name).mockImplementation((kernel) => {
      const program = original(kernel);
      made.push(program);
      return program as ReturnType<typeof gpu.compile>;
    });
  }
  await compute();
  const programs = (await Promise.all(made)).filter((p) => p !== undefined) as GpuProgram[];
  return Math.max(...programs.flatMap((p) => p.stages.map(({ workgroups: [x, y] }) => x * y)));
}

/** Millions of numbers are too many for a matcher: it counts those that are wrong. */
function expectNear(actual: ArrayLike<number>, size: number, at: (i: number) => number): void {
  expect(actual.length).toBe(size);
  let wrong = 0;
  for (let i = 0; i < size; i++) if (!(Math.abs(actual[i] - at(i)) <= 1e-4 * Math.abs(at(i)))) wrong++;
  expect(wrong).toBe(0);
}

test('points beyond 65,535 workgroups are computed, in any number of them', async () => {
  const size = (WIDEST + 3) * 64 - 5;
  let values: ArrayLike<number> = [];
  const columns = sequence(64, 64);
  const workgroups = await workgroupsOf(async () => {
    const rows = tensor(sequence(WIDEST + 3, 1000), { shape: [WIDEST + 3, 1] }) as Tensor;
    values = await rows
      .add(tensor(columns))
      .reshape([(WIDEST + 3) * 64])
      .slice(0, 0, size)
      .mul(2)
      .data();
  });
  expect(workgroups).toBeGreaterThan(WIDEST);
  expectNear(values, size, (i) => 2 * ((Math.floor(i / 64) % 1000) + (i % 64)));
});

test('rows of a reduction beyond 65,535 workgroups are all summed', async () => {
  const [rows, length] = [WIDEST + 70, 160];
  let values: ArrayLike<number> = [];
  const workgroups = await workgroupsOf(async () => {
    const x = tensor(sequence(rows, 500), { shape: [rows, 1] }) as Tensor;
    values = await x
      .add(tensor(sequence(length, length)))
      .square()
      .sum(1)
      .data();
  });
  expect(workgroups).toBeGreaterThan(WIDEST);
  const ofRow = (r: number) => {
    let sum = 0;
    for (let j = 0; j < length; j++) sum += (r + j) ** 2;
    return sum;
  };
  const sums = Array.from({ length: 500 }, (_, r) => ofRow(r));
  expectNear(values, rows, (i) => sums[i % 500]);
});

test('a gather of more points than workgroups fit along one dimension takes each from its place', async () => {
  const [rows, columns] = [WIDEST + 2, 65];
  const table = sequence(7 * columns, 450);
  const index = Int32Array.from({ length: rows }, (_, i) => (i * 5) % 7);
  let values: ArrayLike<number> = [];
  const workgroups = await workgroupsOf(async () => {
    const weight = tensor(table, { shape: [7, columns] }) as Tensor;
    values = await weight.indexSelect(0, tensor(index, { dtype: 'int32' })).data();
  });
  expect(workgroups).toBeGreaterThan(WIDEST);
  expectNear(values, rows * columns, (i) => table[index[Math.floor(i / columns)] * columns + (i % columns)]);
});

const tooLarge = (dtype: DType, shape: string): RegExp =>
  new RegExp(`one buffer may have 128\\.0 MiB; larger tensors: \\w+ ${dtype}\\[${shape}\\] 144\\.0 MiB$`);

test('a tensor larger than a binding is named before anything runs, and the next step works', async () => {
  const small = tensor([1, 2, 3]);
  await small.mul(2).data();
  const { live } = memory();
  const { dispatches, submits } = gpu.counters;
  const wide = (tensor(sequence(6 * 1024, 9), { shape: [6 * 1024, 1] }) as Tensor).add(
    tensor(sequence(6 * 1024, 7)),
  );
  const other = small.mul(3);
  await expect(realize(other, wide)).rejects.toThrow(OutOfMemoryError);
  await expect(wide.data()).rejects.toThrow(tooLarge('float32', '6144, 6144'));
  expect(memory().live).toBe(live);
  expect(gpu.counters).toMatchObject({ dispatches, submits });
  expect(await small.mul(3).array()).toEqual([3, 6, 9]);
  // Its parts never become a whole one.
  expect(await wide.sum().item()).toBeGreaterThan(0);
});

test('an intermediate that is too large stops a step whose results are small', async () => {
  const column = tensor(sequence(6 * 1024, 9), { shape: [6 * 1024, 1] }) as Tensor;
  const wide = column.matmul(tensor(sequence(6 * 1024, 7), { shape: [1, 6 * 1024] }) as Tensor);
  await expect(wide.matmul(column).sum().item()).rejects.toThrow(OutOfMemoryError);
  expect(await column.sum().item()).toBeGreaterThan(0);
});

test('host data larger than a binding are not uploaded', async () => {
  const { bytesWritten } = gpu.counters;
  const large = tensor(new Uint8Array(144 * MIB), { dtype: 'uint8' });
  await expect(large.slice(0, 0, 4).add(1).data()).rejects.toThrow(tooLarge('uint8', `${144 * MIB}`));
  expect(gpu.counters.bytesWritten).toBe(bytesWritten);
  expect(await tensor([4]).add(1).array()).toEqual([5]);
});

test('values that no buffer holds together are read one after another', async () => {
  const tensors = [1, 2, 3].map((x) => tensor([x, x, x, x]).mul(2));
  for (const t of tensors) keep(t);
  await realize(...tensors);
  const { maps } = gpu.counters;
  const { limits } = gpu.device;
  Object.defineProperty(gpu.device, 'limits', {
    configurable: true,
    value: new Proxy(limits, { get: (l, name) => (name === 'maxBufferSize' ? 36 : Reflect.get(l, name, l)) }),
  });
  try {
    const read = await Promise.all(tensors.map((t) => t.array()));
    expect(read).toEqual([2, 4, 6].map((x) => [x, x, x, x]));
  } finally {
    Reflect.deleteProperty(gpu.device, 'limits');
  }
  expect(gpu.counters.maps).toBe(maps + 2);
});
