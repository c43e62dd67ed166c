/** Bind groups, used again when a kernel runs on the same buffers. */
import { type BufferSlice, type DeviceBuffer, DeviceError, DTYPES } from '@neurite/tensor';
import type { GpuCounters } from './counters.js';
import type { Health } from './health.js';
import { type GpuBuffer, gpuOf, roundUp } from './memory.js';
import type { GpuProgram } from './program.js';

/** Bind groups that a program keeps: a training loop alternates between few sets of buffers. */
const KEPT = 32;

/** `slices` are the kernel's buffers, `scratch` those of the program. */
export type Bind = (
  program: GpuProgram,
  slices: readonly BufferSlice[],
  scratch: readonly DeviceBuffer[],
) => GPUBindGroup;

/** `scalars`: the block of runtime scalars. */
export function createBinder(
  device: GPUDevice,
  scalars: GPUBuffer,
  counters: GpuCounters,
  health: Health,
): Bind {
  const groups = new WeakMap<GpuProgram, Map<string, GPUBindGroup>>();
  const numbers = new WeakMap<GPUBuffer, number>();
  let next = 0;

  function numberOf(buffer: GPUBuffer): number {
    const known = numbers.get(buffer);
    if (known !== undefined) return known;
    numbers.set(buffer, next);
    return next++;
  }

  function make(
    { kernel, layout }: GpuProgram,
    slices: readonly BufferSlice[],
    scratch: readonly DeviceBuffer[],
  ): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = kernel.buffers.map(({ dtype, size }, binding) => {
      const { buffer, byteOffset } = slices[binding];
      const bytes = Math.max(4, roundUp(size * DTYPES[dtype].bytes));
      const offset = (buffer as GpuBuffer).offset + byteOffset;
      return { binding, resource: { buffer: gpuOf(buffer), offset, size: bytes } };
    });
    for (const buffer of scratch)
      entries.push({ binding: entries.length, resource: { buffer: gpuOf(buffer), size: buffer.bytes } });
    if (kernel.scalars.length) {
      const size = Math.ceil(kernel.scalars.length / 4) * 16;
      entries.push({ binding: entries.length, resource: { buffer: scalars, size } });
    }
    counters.bindGroups++;
    const refused = (message: string) =>
      new DeviceError(`webgpu: kernel ${kernel.name} cannot bind its buffers: ${message}`);
    return health.guard('validation', refused, () =>
      device.createBindGroup({ label: kernel.name, layout, entries }),
    );
  }

  return (program, slices, scratch) => {
    const places = slices.map(
      ({ buffer, byteOffset }) => `${numberOf(gpuOf(buffer))}+${(buffer as GpuBuffer).offset + byteOffset}`,
    );
    const key = [...places, ...scratch.map((buffer) => numberOf(gpuOf(buffer)))].join();
    let known = groups.get(program);
    if (!known) {
      known = new Map();
      groups.set(program, known);
    }
    let group = known.get(key);
    if (!group) {
      if (known.size >= KEPT) known.delete(known.keys().next().value!);
      group = make(program, slices, scratch);
      known.set(key, group);
    }
    return group;
  };
}
