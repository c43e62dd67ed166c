/** Device memory: buffers that are used again, under a budget. */
import { type BufferKind, type DeviceBuffer, OutOfMemoryError, ValidationError } from '@neurite/tensor';
import type { GpuCounters } from './counters.js';
import type { Health } from './health.js';
import { createSlabs, type Slab } from './slabs.js';

export interface GpuBuffer extends DeviceBuffer {
  /** Null once freed. */
  gpu: GPUBuffer | null;
  /** Whether it came from outside, and so is no good for the pool. */
  readonly isAdopted?: boolean;
  /** Where in `gpu` it begins. */
  offset: number;
  /** Of a buffer that shares `gpu` with others. */
  slab: Slab | null;
}

export interface Pool {
  /** Throws OutOfMemoryError. */
  allocate(bytes: number, kind?: BufferKind): GpuBuffer;
  /** Takes over a buffer that someone else made: it counts, and is destroyed when it is freed. Throws OutOfMemoryError. */
  adopt(gpu: GPUBuffer): GpuBuffer;
  /** The buffer may be given to someone else at once: the queue keeps the order. */
  free(buffer: GpuBuffer): void;
  /** Gives a slice a GPU buffer of its own; the caller copies what is in it. */
  moveOut(buffer: GpuBuffer): void;
  /** What is allocated from now on belongs to another submission. */
  nextSubmission(): void;
  destroy(): void;
}

/** What buffers are for: kernels, copies in both directions. */
export const USAGE = 0x80 | 0x8 | 0x4;
const LEAST = 256;

/** A size with few others near it, at most an eighth more: buffers of nearly the same size are used for each other. */
function roundedSize(bytes: number): number {
  if (bytes <= LEAST) return LEAST;
  const step = Math.max(LEAST, 2 ** (Math.floor(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step;
}

export const gpuOf = (buffer: DeviceBuffer): GPUBuffer => {
  const { gpu } = buffer as GpuBuffer;
  if (!gpu) throw new ValidationError('webgpu: a freed buffer is used');
  return gpu;
};

export interface PoolOptions {
  /** Bytes that may be live at once. */
  readonly budget: number;
  /** Bytes of the largest buffer. */
  readonly largest: number;
  readonly counters: GpuCounters;
  readonly health: Health;
  /** Hands over commands that are still to use buffers that are free by now. */
  flush(): void;
}

export function createPool(
  device: GPUDevice,
  { budget, largest, counters, health, flush }: PoolOptions,
): Pool {
  /** Buffers for which the device had no memory. */
  const broken = new WeakSet<GPUBuffer>();
  /** Everything that is to be destroyed at the end, for the device may live on. */
  const all = new Set<GPUBuffer>();
  const idle = new Map<number, GPUBuffer[]>();
  let live = 0;
  let pooled = 0;

  /** Gives buffers that nobody uses back to the device until `bytes` more fit into the budget. */
  function makeRoom(bytes: number): void {
    if (live + pooled + bytes <= budget) return;
    flush();
    pooled -= slabs.trim();
    for (const [size, buffers] of idle) {
      while (buffers.length && live + pooled + bytes > budget) {
        discard(buffers.pop()!);
        pooled -= size;
      }
    }
  }

  function discard(gpu: GPUBuffer): void {
    all.delete(gpu);
    gpu.destroy();
  }

  /** A buffer that is not in use, unless it has turned out that there was no memory for it. */
  function reuse(size: number): GPUBuffer | null {
    for (let gpu = idle.get(size)?.pop(); gpu; gpu = idle.get(size)!.pop()) {
      pooled -= size;
      if (!broken.has(gpu)) return gpu;
      discard(gpu);
    }
    return null;
  }

  /** The device tells later that it has no memory, and by then a kernel is to use the buffer. */
  function create(size: number): GPUBuffer {
    const noMemory = (message: string) => {
      broken.add(made);
      const user = health.unsure.get(made);
      const who = user ? `kernel ${user}: ` : '';
      return new OutOfMemoryError(`webgpu: ${who}the device has no memory for ${size} bytes: ${message}`);
    };
    const made = health.guard('out-of-memory', noMemory, () => device.createBuffer({ size, usage: USAGE }));
    health.unsure.set(made, null);
    const sure = () => health.unsure.delete(made);
    health.judged().then(sure, sure);
    counters.buffers++;
    all.add(made);
    return made;
  }

  const slabs = createSlabs((bytes) => {
    if (bytes > largest || live + pooled + bytes > budget) return null;
    pooled += bytes;
    return create(bytes);
  }, discard);

  /** A GPU buffer for one alone. */
  function whole(size: number): GPUBuffer {
    const known = reuse(size);
    if (known) return known;
    makeRoom(size);
    return create(Math.min(size, roundUp(largest)));
  }

  return {
    adopt(gpu) {
      if (gpu.size > largest || live + gpu.size > budget)
        throw new OutOfMemoryError(
          `webgpu: cannot take over ${gpu.size} bytes: ${live} are in use, the budget is ${budget} and the largest buffer ${largest}`,
        );
      live += gpu.size;
      all.add(gpu);
      return { bytes: gpu.size, gpu, offset: 0, slab: null, isAdopted: true };
    },
    allocate(bytes, kind) {
      const size = roundedSize(bytes);
      if (bytes > largest || live + size > budget)
        throw new OutOfMemoryError(
          `webgpu: cannot allocate ${bytes} bytes: ${live} are in use, the budget is ${budget} and the largest buffer ${largest}`,
        );
      const slice = kind === 'result' ? slabs.take(size) : null;
      if (slice) pooled -= size;
      const gpu = slice ? slice.slab.gpu : whole(size);
      live += size;
      return { bytes, gpu, offset: slice?.offset ?? 0, slab: slice?.slab ?? null };
    },
    free(buffer) {
      const gpu = gpuOf(buffer);
      const size = buffer.isAdopted ? gpu.size : roundedSize(buffer.bytes);
      buffer.gpu = null;
      live -= size;
      if (buffer.isAdopted || broken.has(gpu)) {
        flush();
        if (buffer.slab) pooled -= slabs.drop(buffer.slab);
        discard(gpu);
        return;
      }
      pooled += size;
      if (buffer.slab) return slabs.give(buffer.slab, buffer.offset);
      const same = idle.get(size);
      if (same) same.push(gpu);
      else idle.set(size, [gpu]);
    },
    moveOut(buffer) {
      const { slab, offset } = buffer;
      const size = roundedSize(buffer.bytes);
      slabs.clashed(slab!);
      slabs.give(slab!, offset);
      pooled += size;
      buffer.gpu = whole(size);
      buffer.offset = 0;
      buffer.slab = null;
    },
    nextSubmission: slabs.nextSubmission,
    destroy() {
      for (const gpu of all) gpu.destroy();
      idle.clear();
    },
  };
}

/** Copies and bindings are in whole words. */
export const roundUp = (bytes: number): number => Math.ceil(bytes / 4) * 4;
