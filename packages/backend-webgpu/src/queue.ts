/**
 * The order of work. Commands are gathered and handed over together with the next read, so that a training step and the reading of
 * its loss are one submission of one pass.
 */
import { type BufferSlice, type Command, DeviceError, type Timings, ValidationError } from '@neurite/tensor';
import { createBinder } from './binding.js';
import type { GpuCounters } from './counters.js';
import type { Health } from './health.js';
import { type GpuBuffer, gpuOf, type Pool, roundUp } from './memory.js';
import type { GpuProgram } from './program.js';
import { createTimer, type Timer } from './timer.js';
import { scalarWord } from './wgsl/values.js';

export interface CommandQueue {
  submit(commands: readonly Command[]): void;
  /** Submits commands, each in a pass of its own, and says how long these took. The device must have `timestamp-query`. */
  measure(commands: readonly Command[]): Promise<Timings>;
  write(slice: BufferSlice, bytes: Uint8Array): void;
  read(slice: BufferSlice, byteLength: number): Promise<Uint8Array>;
  synchronize(): Promise<void>;
  /** Hands over what has been gathered. */
  flush(): void;
  destroy(): void;
}

interface Dispatch {
  readonly program: GpuProgram;
  readonly group: GPUBindGroup;
  /** Where in the block of scalars its own are, in words. */
  readonly scalarsAt: number;
}

interface Read {
  readonly source: GPUBuffer;
  readonly offset: number;
  readonly length: number;
  resolve(bytes: Uint8Array): void;
  reject(reason: unknown): void;
}

/** Commands beyond this number are handed over at once, so that the device has something to do. */
const MOST_PENDING = 256;
const SCALAR_BYTES = 2 ** 16;
/** Places in the block of scalars are multiples of this many words: WebGPU's largest alignment of a dynamic offset. */
const SCALAR_STEP = 64;

/** Resolves in a turn of its own, after what is already waiting for a turn. */
const later: (f: () => void) => void =
  typeof setImmediate === 'function' ? (f) => void setImmediate(f) : (f) => void setTimeout(f);

/** `pool`: where programs of several stages get what they need in between. */
export function createQueue(
  device: GPUDevice,
  counters: GpuCounters,
  health: Health,
  pool: Pick<Pool, 'allocate' | 'free'>,
): CommandQueue {
  const scalars = device.createBuffer({ label: 'scalars', size: SCALAR_BYTES, usage: 0x40 | 0x8 });
  const words = new Uint32Array(SCALAR_BYTES / 4);
  const bind = createBinder(device, scalars, counters, health);
  const staging = createStaging(device, counters);
  let dispatches: Dispatch[] = [];
  let reads: Read[] = [];
  let usedWords = 0;
  /** What the gathered commands touch. */
  const touched = new Set<GPUBuffer>();
  let isScheduled = false;
  /** Set while `measure` gathers. */
  let timer: Timer | null = null;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    // In the turn after the next: a loop that gives the event loop a turn may ask for a value after it.
    later(() =>
      later(() => {
        isScheduled = false;
        flush();
      }),
    );
  }

  /**
   * Memory between the stages of a program; it may be somebody else's as soon as its commands are gathered, for the queue keeps the
   * order.
   */
  function withScratch<T>({ scratch }: GpuProgram, use: (buffers: readonly GpuBuffer[]) => T): T {
    if (scratch.length === 0) return use([]);
    const buffers: GpuBuffer[] = [];
    try {
      for (const bytes of scratch) buffers.push(pool.allocate(bytes));
      return use(buffers);
    } finally {
      for (const buffer of buffers) pool.free(buffer);
    }
  }

  function gather(command: Command): void {
    withScratch(command.program as GpuProgram, (scratch) => gatherWith(command, scratch));
  }

  function gatherWith({ program, buffers, scalars: values }: Command, scratch: readonly GpuBuffer[]): void {
    const { kernel } = program;
    if (buffers.length !== kernel.buffers.length || values.length !== kernel.scalars.length)
      throw new ValidationError(
        `${kernel.name}: given ${buffers.length} buffers and ${values.length} scalars, takes ` +
          `${kernel.buffers.length} and ${kernel.scalars.length}`,
      );
    const size = Math.ceil(values.length / SCALAR_STEP) * SCALAR_STEP;
    if (usedWords + size > words.length || dispatches.length >= MOST_PENDING) flush();
    const group = bind(program as GpuProgram, buffers, scratch);
    values.forEach((value, i) => {
      words[usedWords + i] = scalarWord(value, kernel.scalars[i]);
    });
    dispatches.push({ program: program as GpuProgram, group, scalarsAt: usedWords });
    usedWords += size;
    const all = [...buffers.map(({ buffer }) => gpuOf(buffer)), ...scratch.map(gpuOf)];
    for (const gpu of all) {
      touched.add(gpu);
      if (health.unsure.get(gpu) === null) health.unsure.set(gpu, kernel.name);
    }
  }

  /** What a refused submission comes to: which kernel it was is found by encoding each alone. */
  async function refused(asked: readonly Dispatch[], message: string): Promise<DeviceError> {
    for (const dispatch of asked) {
      device.pushErrorScope('validation');
      const encoder = device.createCommandEncoder();
      encodePass(encoder, [dispatch]);
      encoder.finish();
      const error = await device.popErrorScope();
      if (error)
        return new DeviceError(
          `webgpu: kernel ${dispatch.program.kernel.name} was refused: ${error.message}`,
        );
    }
    return new DeviceError(`webgpu: ${message}`);
  }

  function encodePass(
    encoder: GPUCommandEncoder,
    dispatches: readonly Dispatch[],
    timestampWrites?: GPUComputePassTimestampWrites,
  ): void {
    const pass = encoder.beginComputePass({ timestampWrites });
    counters.passes++;
    for (const { program, group, scalarsAt } of dispatches) {
      pass.setBindGroup(0, group, program.kernel.scalars.length ? [scalarsAt * 4] : []);
      for (const { pipeline, workgroups } of program.stages) {
        if (workgroups[0] === 0) continue;
        pass.setPipeline(pipeline);
        pass.dispatchWorkgroups(...workgroups);
        counters.dispatches++;
      }
    }
    pass.end();
  }

  function flush(): void {
    if (dispatches.length === 0 && reads.length === 0) return;
    const [ran, asked] = [dispatches, reads];
    const target = asked.length ? staging.take(asked.reduce((n, r) => n + roundUp(r.length), 0)) : null;
    health.guard(
      'validation',
      (message) => refused(ran, message),
      () => {
        const encoder = device.createCommandEncoder();
        if (usedWords) device.queue.writeBuffer(scalars, 0, words, 0, usedWords);
        if (timer) for (const dispatch of ran) encodePass(encoder, [dispatch], timer.next());
        else if (ran.length) encodePass(encoder, ran);
        let at = 0;
        for (const { source, offset, length } of asked) {
          encoder.copyBufferToBuffer(source, offset, target!, at, roundUp(length));
          at += roundUp(length);
        }
        device.queue.submit([encoder.finish()]);
      },
    );
    counters.submits++;
    dispatches = [];
    reads = [];
    usedWords = 0;
    touched.clear();
    if (target) void deliver(target, asked);
  }

  /** Maps what has been copied, once for all. */
  async function deliver(target: GPUBuffer, asked: readonly Read[]): Promise<void> {
    try {
      counters.maps++;
      const length = asked.reduce((n, r) => n + roundUp(r.length), 0);
      await health.orLost(target.mapAsync(1, 0, length));
      await health.judged();
      health.check();
      const mapped = new Uint8Array(target.getMappedRange(0, length));
      let at = 0;
      for (const { length, resolve } of asked) {
        resolve(mapped.slice(at, at + length));
        at += roundUp(length);
        counters.bytesRead += length;
      }
      target.unmap();
      staging.give(target);
    } catch (e) {
      target.destroy();
      for (const { reject } of asked) reject(e);
    }
  }

  return {
    submit(commands) {
      health.check();
      // What was asked for is as it was at that time.
      if (reads.length) flush();
      // What cannot be had is missed before the first command is gathered: a plan runs whole or not at all.
      for (const { program } of commands) withScratch(program as GpuProgram, () => undefined);
      commands.forEach(gather);
      schedule();
    },
    async measure(commands) {
      health.check();
      flush();
      const measuring = createTimer(device, commands.length, health);
      timer = measuring;
      try {
        commands.forEach(gather);
        flush();
      } finally {
        timer = null;
      }
      return measuring.read();
    },
    write({ buffer, byteOffset }, bytes) {
      health.check();
      const gpu = gpuOf(buffer);
      const end = byteOffset + bytes.length;
      const isWhole = byteOffset % 4 === 0 && (bytes.length % 4 === 0 || end === buffer.bytes);
      if (!isWhole || end > buffer.bytes)
        throw new ValidationError(
          `webgpu: bytes ${byteOffset} to ${end} of a buffer of ${buffer.bytes} bytes; words can be written`,
        );
      if (touched.has(gpu)) flush();
      const even = bytes.length % 4 ? padded(bytes) : bytes;
      device.queue.writeBuffer(gpu, byteOffset, even as Uint8Array<ArrayBuffer>);
      counters.writes++;
      counters.bytesWritten += even.length;
    },
    async read({ buffer, byteOffset }, byteLength) {
      health.check();
      if (byteOffset < 0 || byteOffset + byteLength > buffer.bytes)
        throw new ValidationError(
          `webgpu: bytes ${byteOffset} to ${byteOffset + byteLength} of a buffer of ${buffer.bytes} bytes`,
        );
      const before = byteOffset % 4;
      const bytes = await new Promise<Uint8Array>((resolve, reject) => {
        reads.push({
          source: gpuOf(buffer),
          offset: byteOffset - before,
          length: before + byteLength,
          resolve,
          reject,
        });
        touched.add(gpuOf(buffer));
        // Everything that is asked for in one go comes in one copy.
        if (reads.length === 1) queueMicrotask(flush);
      });
      return before ? bytes.slice(before) : bytes;
    },
    async synchronize() {
      flush();
      await health.orLost(device.queue.onSubmittedWorkDone());
      await health.judged();
      health.check();
    },
    flush,
    destroy() {
      for (const { reject } of reads) reject(health.lost());
      reads = [];
      dispatches = [];
      scalars.destroy();
      staging.destroy();
    },
  };
}

function padded(bytes: Uint8Array): Uint8Array {
  const even = new Uint8Array(roundUp(bytes.length));
  even.set(bytes);
  return even;
}

interface Staging {
  take(bytes: number): GPUBuffer;
  give(buffer: GPUBuffer): void;
  destroy(): void;
}

/** Staging buffers that are kept. */
const KEPT_STAGING = 4;

function createStaging(device: GPUDevice, counters: GpuCounters): Staging {
  let idle: GPUBuffer[] = [];
  return {
    take(bytes) {
      const fitting = idle.find((buffer) => buffer.size >= bytes);
      if (fitting) {
        idle = idle.filter((buffer) => buffer !== fitting);
        return fitting;
      }
      counters.buffers++;
      const size = 2 ** Math.max(8, Math.ceil(Math.log2(bytes)));
      return device.createBuffer({ label: 'staging', size, usage: 0x1 | 0x8 });
    },
    give(buffer) {
      idle.push(buffer);
      if (idle.length > KEPT_STAGING) idle.shift()!.destroy();
    },
    destroy() {
      for (const buffer of idle) buffer.destroy();
    },
  };
}
