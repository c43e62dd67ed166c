/**
 * Tells the garbage collector what device memory weighs. It sees a tensor as a small object and is in no hurry: a loop whose
 * results are 16 MiB each would fill 4 GiB before it came. So each storage holds on to an array buffer of its size that is
 * never touched: the engine counts it, and the operating system gives it no memory, because a resizable buffer is address space
 * that is filled in on first use (V8 11.3; measured: 20 µs for 2 MiB, and no growth of resident memory).
 */
export type Weight = ArrayBuffer;

/** Smaller storages share a weight, which goes with the last of them. */
const SHARED_BYTES = 2 ** 20;

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

/** Returns a function that gives the weight for a storage of some bytes. */
export function createScales(): (bytes: number) => Weight | null {
  let shared: Weight | null = null;
  let room = 0;
  return (bytes) => {
    if (!canWeigh) return null;
    if (bytes >= SHARED_BYTES) return weigh(bytes);
    if (bytes > room) {
      shared = weigh(SHARED_BYTES);
      room = SHARED_BYTES;
    }
    room -= bytes;
    return shared;
  };
}
