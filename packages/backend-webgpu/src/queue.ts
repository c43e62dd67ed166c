/**
 * The order of work. Commands are gathered and handed over together with the next read, so that a training step and the reading of
 * its loss are one submission of one pass.
 */
import {
  type BufferSlice,
  type Command,
  type DeviceBuffer,
  type Timings,
  ValidationError,
} from '@neurite/tensor';
import { createBinder } from './binding.js';
import type { GpuCounters } from './counters.js';
import { encode, type Pending, refusal } from './encode.js';
import type { Health } from './health.js';
import { type GpuBuffer, gpuOf, type Pool, roundUp } from './memory.js';
import type { GpuProgram } from './program.js';
import { createScalarBlock } from './scalars.js';
import { trackSpoiled } from './spoiled.js';
import { createStaging } from './staging.js';
import { createTimer, type Timer } from './timer.js';

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

interface Read {
  readonly buffer: DeviceBuffer;
  readonly source: GPUBuffer;
  readonly offset: number;
  readonly length: number;
  resolve(bytes: Uint8Array): void;
  reject(reason: unknown): void;
}

/** Commands beyond this number are handed over at once, so that the device has something to do. */
const MOST_PENDING = 256;

/**
 * Turns of the event loop after which commands that no read has taken along are handed over. A training step gives the loop one or two
 * before it asks for its loss: in its update, and where a compiled function ends.
 */
const TURNS = 4;

/** Resolves in a turn of its own, after what is already waiting for a turn. */
const later: (f: () => void) => void =
  typeof setImmediate === 'function' ? (f) => void setImmediate(f) : (f) => void setTimeout(f);

/** `pool`: where programs of several stages get what they need in between, and what moves out of a slab its own GPU buffer. */
export function createQueue(
  device: GPUDevice,
  counters: GpuCounters,
  health: Health,
  pool: Pick<Pool, 'allocate' | 'free' | 'moveOut' | 'nextSubmission'>,
): CommandQueue {
  const scalars = createScalarBlock(device, counters);
  const bind = createBinder(device, scalars.buffer, counters, health);
  const staging = createStaging(device, counters);
  const spoiled = trackSpoiled();
  let pending: Pending[] = [];
  let reads: Read[] = [];
  /** What the gathered commands touch. */
  const touched = new Set<GPUBuffer>();
  let isScheduled = false;
  /** Set while `measure` gathers. */
  let timer: Timer | null = null;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    let turns = 0;
    const wait = () => {
      if (++turns < TURNS) return later(wait);
      isScheduled = false;
      flush();
    };
    later(wait);
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
    if (pending.length >= MOST_PENDING) flush();
    separate(program as GpuProgram, buffers);
    let scalarsAt = scalars.place(kernel, values);
    if (scalarsAt === undefined) {
      flush();
      scalarsAt = scalars.place(kernel, values)!;
    }
    const group = bind(program as GpuProgram, buffers, scratch);
    const used = (unless: 'read' | 'write') =>
      buffers.filter((_, i) => kernel.buffers[i].access !== unless).map(({ buffer }) => buffer);
    const writer = spoiled.gathered(used('write'), used('read'));
    pending.push({ program: program as GpuProgram, group, scalarsAt, writer });
    const all = [...buffers.map(({ buffer }) => gpuOf(buffer)), ...scratch.map(gpuOf)];
    for (const gpu of all) {
      touched.add(gpu);
      if (health.unsure.get(gpu) === null) health.unsure.set(gpu, kernel.name);
    }
  }

  /** Throws where commands would read what was never computed, and none of them writes before. */
  function checkRead(commands: readonly Command[]): void {
    const made = new Set<DeviceBuffer>();
    for (const { program, buffers } of commands) {
      buffers.forEach(({ buffer }, i) => {
        const { access } = program.kernel.buffers[i];
        if (access !== 'write' && !made.has(buffer)) spoiled.check(buffer);
        if (access !== 'read') made.add(buffer);
      });
    }
  }

  /** No GPU buffer may be read and written by one kernel: what it reads moves out of the slab. */
  function separate({ kernel }: GpuProgram, slices: readonly BufferSlice[]): void {
    const written = new Set<GPUBuffer>();
    slices.forEach(({ buffer }, i) => {
      if ((buffer as GpuBuffer).slab && kernel.buffers[i].access !== 'read') written.add(gpuOf(buffer));
    });
    if (written.size === 0) return;
    slices.forEach(({ buffer }, i) => {
      const read = buffer as GpuBuffer;
      const from = gpuOf(read);
      if (!read.slab || kernel.buffers[i].access !== 'read' || !written.has(from)) return;
      const { offset } = read;
      pool.moveOut(read);
      const writer = spoiled.gathered([read], [read]);
      pending.push({ from, offset, to: gpuOf(read), bytes: roundUp(read.bytes), writer });
    });
  }

  const bytesToRead = (): number => reads.reduce((n, r) => n + roundUp(r.length), 0);

  function flush(): void {
    if (pending.length === 0 && reads.length === 0) return;
    const [ran, asked] = [pending, reads];
    const target = asked.length ? staging.take(bytesToRead()) : null;
    health.guard(
      'validation',
      (message) => refusal(device, ran, message),
      () => {
        const encoder = device.createCommandEncoder();
        scalars.write();
        encode(encoder, ran, counters, timer);
        let at = 0;
        for (const { source, offset, length } of asked) {
          encoder.copyBufferToBuffer(source, offset, target!, at, roundUp(length));
          at += roundUp(length);
        }
        device.queue.submit([encoder.finish()]);
      },
      (error) =>
        spoiled.judged(
          ran.map(({ writer }) => writer),
          error,
        ),
    );
    counters.submits++;
    pending = [];
    reads = [];
    touched.clear();
    pool.nextSubmission();
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
      for (const { buffer, length, resolve, reject } of asked) {
        try {
          spoiled.check(buffer);
          resolve(mapped.slice(at, at + length));
        } catch (e) {
          reject(e);
        }
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
      checkRead(commands);
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
      spoiled.written(buffer);
      device.queue.writeBuffer(
        gpu,
        (buffer as GpuBuffer).offset + byteOffset,
        even as Uint8Array<ArrayBuffer>,
      );
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
      const length = before + byteLength;
      // Reads come together as far as one buffer holds them.
      if (reads.length && bytesToRead() + roundUp(length) > device.limits.maxBufferSize) flush();
      const bytes = await new Promise<Uint8Array>((resolve, reject) => {
        reads.push({
          buffer,
          source: gpuOf(buffer),
          offset: (buffer as GpuBuffer).offset + byteOffset - before,
          length,
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
      pending = [];
      scalars.buffer.destroy();
      staging.destroy();
    },
  };
}

function padded(bytes: Uint8Array): Uint8Array {
  const even = new Uint8Array(roundUp(bytes.length));
  even.set(bytes);
  return even;
}
