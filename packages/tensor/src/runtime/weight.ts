/**
 * Tells the garbage collector what device memory weighs. It sees a tensor as a small object and is in no hurry: a loop whose
 * results are 16 MiB each would fill 4 GiB before it came. So each storage holds on to an array buffer of a share of its size that
 * is never touched: the engine counts it, and the operating system gives it no memory, because a resizable buffer is address
 * space that is filled in on first use (V8 11.3; measured: 20 µs for 2 MiB, and no growth of resident memory).
 */
export type Weight = ArrayBuffer;

/** Smaller shares are held in common by several storages, and go with the last of them. */
const SHARED_BYTES = 2 ** 20;

/** V8 collects when so much has been added since it last did. */
const ENGINE_LIMIT = 64 * 2 ** 20;

/**
 * What of a device's budget may be dropped before the collector comes. Each time costs a millisecond of the program, and several
 * of the cores that the backend's threads want: with whole weights, a loop of 6 MiB results ran its two threads at 1.4 times
 * the time of a sixteenth.
 */
const BUDGET_SHARE = 1 / 16;

/** TypeScript's ES2022 library lacks the option. */
type ResizableArrayBuffer = new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer;

/** Engines without resizable buffers would fill what is asked for with zeros. */
const canWeigh = 'resizable' in ArrayBuffer.prototype;

function weigh(bytes: number): Weight | null {
  try {
    return new (ArrayBuffer as ResizableArrayBuffer)(bytes, { maxByteLength: bytes });
  } catch {
    // No address space left: the collector does not need telling any more.
    return null;
  }
}

/** Returns a function that gives the weight for a storage of some bytes on a device of the budget. */
export function createScales(budget: number): (bytes: number) => Weight | null {
  const share = Math.min(1, ENGINE_LIMIT / (budget * BUDGET_SHARE));
  let shared: Weight | null = null;
  let room = 0;
  return (bytes) => {
    if (!canWeigh) return null;
    const weight = Math.ceil(bytes * share);
    if (weight >= SHARED_BYTES) return weigh(weight);
    if (weight > room) {
      shared = weigh(SHARED_BYTES);
      room = SHARED_BYTES;
    }
    room -= weight;
    return shared;
  };
}
