/**
 * The block of runtime scalars: one uniform buffer, in which each command finds its own at a dynamic offset. Commands with the same
 * numbers share a place, and only what has changed since the last submission is written: of a training step a few words.
 */
import type { Kernel } from '@neurite/tensor';
import type { GpuCounters } from './counters.js';
import { scalarWord } from './wgsl/values.js';

export interface ScalarBlock {
  readonly buffer: GPUBuffer;
  /** Takes down a command's scalars and returns their place, in bytes; undefined when there is no room before the next `write`. */
  place(kernel: Kernel, values: readonly number[]): number | undefined;
  /** Writes what was taken down; the next commands start afresh. */
  write(): void;
}

const BYTES = 2 ** 16;
/** Places are multiples of this many words: WebGPU's largest alignment of a dynamic offset. */
const STEP = 64;

export function createScalarBlock(device: GPUDevice, counters: GpuCounters): ScalarBlock {
  const buffer = device.createBuffer({ label: 'scalars', size: BYTES, usage: 0x40 | 0x8 });
  counters.buffers++;
  const words = new Uint32Array(BYTES / 4);
  /** What the device has: nothing but zeros at first. */
  const written = new Uint32Array(BYTES / 4);
  const places = new Map<string, number>();
  let used = 0;

  function writeChanged(first: number, end: number): void {
    while (first < end && words[first] === written[first]) first++;
    while (end > first && words[end - 1] === written[end - 1]) end--;
    if (first === end) return;
    device.queue.writeBuffer(buffer, first * 4, words, first, end - first);
    written.set(words.subarray(first, end), first);
    counters.writes++;
    counters.bytesWritten += (end - first) * 4;
  }

  return {
    buffer,
    place({ scalars }, values) {
      if (values.length === 0) return 0;
      const own = values.map((value, i) => scalarWord(value, scalars[i]));
      const key = own.join();
      const known = places.get(key);
      if (known !== undefined) return known * 4;
      const at = Math.ceil(used / STEP) * STEP;
      // A kernel binds whole vectors of four words.
      if (at + Math.ceil(own.length / 4) * 4 > words.length) return undefined;
      words.set(own, at);
      places.set(key, at);
      used = at + own.length;
      return at * 4;
    },
    write() {
      // A place at a time, for those that change lie apart.
      for (let at = 0; at < used; at += STEP) writeChanged(at, Math.min(at + STEP, used));
      places.clear();
      used = 0;
    },
  };
}
