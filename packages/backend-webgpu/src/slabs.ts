/**
 * Results side by side in large GPU buffers. A program drops most results without a word, and their memory comes back only when the
 * garbage collector has come to them; until then each training step would make new buffers for its loss and its outputs. A slice of a
 * slab costs nothing.
 *
 * WebGPU does not let one dispatch read and write a buffer, wherever in it. So the results of one submission, which may be made from
 * each other, lie in different slabs. Where a kernel yet reads a slice and writes a neighbour, as when each step's result is an input of the
 * next one, what it reads is moved out, and that slab's place is not filled any more.
 */

export interface Slab {
  readonly gpu: GPUBuffer;
  /** Bytes of each slice. */
  readonly size: number;
  /** Of which of a submission's results of this size it is. */
  readonly key: number;
  readonly count: number;
  /** Offsets that nobody uses. */
  readonly free: number[];
}

export interface Slabs {
  /** A slice of `size` bytes, or null where there shall be none. */
  take(size: number): { slab: Slab; offset: number } | null;
  give(slab: Slab, offset: number): void;
  /** No more slices beside those of this slab. */
  retire(slab: Slab): void;
  /** Forgets a slab that turned out to have no memory; returns how many bytes of it were free. */
  drop(slab: Slab): number;
  /** What is taken from now on belongs to another submission. */
  nextSubmission(): void;
  /** Destroys slabs that nobody uses; returns how many bytes that were. */
  trim(): number;
}

/** Larger results are few. */
const MOST = 2 ** 18;
const FIRST_SLAB = 2 ** 16;
const LARGEST_SLAB = 2 ** 24;
const LEAST_SLICES = 16;
/** A submission's results of one size that get slices. */
const LANES = 32;

/** `make` gives a buffer of so many bytes, or null where there is no room for it; `discard` destroys one. */
export function createSlabs(
  make: (bytes: number) => GPUBuffer | null,
  discard: (gpu: GPUBuffer) => void,
): Slabs {
  const slabs = new Map<number, Slab[]>();
  const retired = new Set<number>();
  const seen = new Set<number>();
  const taken = new Map<number, number>();

  function grow(size: number, key: number, known: Slab[]): Slab | null {
    const bytes = Math.min(FIRST_SLAB * 2 ** known.length, LARGEST_SLAB);
    const count = Math.max(LEAST_SLICES, Math.floor(bytes / size));
    const gpu = make(count * size);
    if (!gpu) return null;
    const free = Array.from({ length: count }, (_, i) => (count - 1 - i) * size);
    const slab = { gpu, size, key, count, free };
    known.push(slab);
    return slab;
  }

  return {
    take(size) {
      const lane = taken.get(size) ?? 0;
      taken.set(size, lane + 1);
      const key = size * LANES + lane;
      if (size > MOST || lane >= LANES || retired.has(key)) return null;
      // What comes once, like an optimizer's state, stays and needs no room for others beside it.
      if (!seen.has(key)) {
        seen.add(key);
        return null;
      }
      let known = slabs.get(key);
      if (!known) {
        known = [];
        slabs.set(key, known);
      }
      const slab = known.find(({ free }) => free.length > 0) ?? grow(size, key, known);
      return slab && { slab, offset: slab.free.pop()! };
    },
    give: ({ free }, offset) => void free.push(offset),
    retire: ({ key }) => void retired.add(key),
    drop(slab) {
      const known = slabs.get(slab.key);
      if (!known?.includes(slab)) return 0;
      slabs.set(
        slab.key,
        known.filter((other) => other !== slab),
      );
      return slab.free.length * slab.size;
    },
    nextSubmission: () => taken.clear(),
    trim() {
      let bytes = 0;
      for (const [key, known] of slabs) {
        const used = known.filter(({ gpu, size, count, free }) => {
          if (free.length < count) return true;
          discard(gpu);
          bytes += count * size;
          return false;
        });
        slabs.set(key, used);
      }
      return bytes;
    },
  };
}
