/** How long passes take, by the device's clock. */
import type { Timings } from '@neurite/tensor';
import type { Health } from './health.js';

export interface Timer {
  /** Where the next pass is to write when it begins and ends. */
  next(): GPUComputePassTimestampWrites;
  /** To be called when all passes have been submitted. */
  read(): Promise<Timings>;
}

/** WebGPU's limit of a query set. */
const MOST_QUERIES = 4096;
/** Query sets are resolved to multiples of this. */
const RESOLVE_STEP = 256;

/** For so many passes. */
export function createTimer(device: GPUDevice, passes: number, health: Health): Timer {
  const sets: GPUQuerySet[] = [];
  for (let left = 2 * passes; left > 0; left -= MOST_QUERIES)
    sets.push(device.createQuerySet({ type: 'timestamp', count: Math.min(left, MOST_QUERIES) }));
  let next = 0;

  return {
    next() {
      const beginningOfPassWriteIndex = next % MOST_QUERIES;
      const querySet = sets[Math.floor(next / MOST_QUERIES)];
      next += 2;
      return { querySet, beginningOfPassWriteIndex, endOfPassWriteIndex: beginningOfPassWriteIndex + 1 };
    },
    async read() {
      const size = Math.ceil((passes * 16) / RESOLVE_STEP) * RESOLVE_STEP;
      const resolved = device.createBuffer({ label: 'timestamps', size, usage: 0x200 | 0x4 });
      const staging = device.createBuffer({ label: 'timestamps for the host', size, usage: 0x1 | 0x8 });
      try {
        const encoder = device.createCommandEncoder();
        sets.forEach((set, i) => encoder.resolveQuerySet(set, 0, set.count, resolved, i * MOST_QUERIES * 8));
        encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
        device.queue.submit([encoder.finish()]);
        await health.orLost(staging.mapAsync(1));
        health.check();
        return timingsOf(new BigUint64Array(staging.getMappedRange(0, passes * 16)));
      } finally {
        for (const made of [resolved, staging, ...sets]) made.destroy();
      }
    },
  };
}

/**
 * Nanoseconds from pairs of timestamps. Browsers round timestamps (to 65.536 µs in Chromium, against attacks by timing) and do not say so: what
 * divides all of them is taken for the step of the clock.
 */
export function timingsOf(stamps: BigUint64Array): Timings {
  let step = 0n;
  for (const stamp of stamps) step = greatestDivisor(stamp, step);
  const nanoseconds = Array.from({ length: stamps.length / 2 }, (_, i) => {
    const [begin, end] = [stamps[2 * i], stamps[2 * i + 1]];
    // The specification allows clocks that go back.
    return end > begin ? Number(end - begin) : 0;
  });
  // A clock that stands still says nothing at all.
  return { nanoseconds, resolution: step === 0n ? Number.MAX_SAFE_INTEGER : Number(step) };
}

function greatestDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y) [x, y] = [y, x % y];
  return x;
}
