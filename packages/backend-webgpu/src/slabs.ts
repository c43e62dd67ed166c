/**
 * Results side by side in large GPU buffers. A program drops most results without a word, and their memory comes back only when the
 * garbage collector has come to them; until then each training step would make new buffers for its loss and its outputs. A slice of a
 * slab costs nothing.
 *
 * WebGPU does not let one dispatch read and write a buffer, wherever in it. A slice that a kernel reads while it writes a neighbour is
 * moved out, and its size gets no more slices: such results are inputs of later steps.
 */

export interface Slab {
  readonly gpu: GPUBuffer;
  /** Bytes of each slice. */
  readonly size: number;
  readonly count: number;
  /** Offsets that nobody uses. */
  readonly free: number[];
}

export interface Slabs {
  /** A slice of `size` bytes, or null where there shall be none. */
  take(size: number): { slab: Slab; offset: number } | null;
  give(slab: Slab, offset: number): void;
  /** No more slices of this size. */
  retire(size: number): void;
  /** Destroys slabs that nobody uses; returns how many bytes that were. */
  trim(): number;
}

/** Larger results are few. */
const MOST = 2 ** 18;
const FIRST_SLAB = 2 ** 20;
const LARGEST_SLAB = 2 ** 24;
const LEAST_SLICES = 16;

/** `make` gives a buffer of so many bytes, or null where there is no room for it. */
export function createSlabs(make: (bytes: number) => GPUBuffer | null): Slabs {
  const slabs = new Map<number, Slab[]>();
  const retired = new Set<number>();

  function grow(size: number, known: Slab[]): Slab | null {
    const bytes = Math.min(FIRST_SLAB * 2 ** known.length, LARGEST_SLAB);
    const count = Math.max(LEAST_SLICES, Math.floor(bytes / size));
    const gpu = make(count * size);
    if (!gpu) return null;
    const free = Array.from({ length: count }, (_, i) => (count - 1 - i) * size);
    const slab = { gpu, size, count, free };
    known.push(slab);
    return slab;
  }

  return {
    take(size) {
      if (size > MOST || retired.has(size)) return null;
      let known = slabs.get(size);
      if (!known) {
        known = [];
        slabs.set(size, known);
      }
      const slab = known.find(({ free }) => free.length > 0) ?? grow(size, known);
      return slab && { slab, offset: slab.free.pop()! };
    },
    give: ({ free }, offset) => void free.push(offset),
    retire: (size) => void retired.add(size),
    trim() {
      let bytes = 0;
      for (const [size, known] of slabs) {
        const used = known.filter(({ gpu, count, free }) => {
          if (free.length < count) return true;
          gpu.destroy();
          bytes += count * size;
          return false;
        });
        slabs.set(size, used);
      }
      return bytes;
    },
  };
}
