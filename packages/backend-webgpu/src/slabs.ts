/**
 * Results side by side in large GPU buffers. A program drops most results without a word, and their memory comes back only when the
 * garbage collector has come to them; until then each training step would make new buffers for its loss and its outputs. A slice of a
 * slab costs nothing.
 *
 * WebGPU does not let one dispatch read and write a buffer, wherever in it. So the results of one submission, which may be made from
 * each other, lie in different slabs: each has a lane of its own. Where a kernel yet reads a slice and writes a neighbour, as when each
 * step's result is an input of the next one, what it reads is moved out, and from then on submissions take turns: the lane has one slab
 * more. A lane in which that does not help any more gets no slabs.
 */

export interface Slab {
  readonly gpu: GPUBuffer;
  /** Bytes of each slice. */
  readonly size: number;
  /** Of which of a submission's results of this size it is: the lane. */
  readonly lane: number;
  /** The lane, and whose turn it is. */
  readonly key: number;
  readonly count: number;
  /** Offsets that nobody uses. */
  readonly free: number[];
}

export interface Slabs {
  /** A slice of `size` bytes, or null where there shall be none. */
  take(size: number): { slab: Slab; offset: number } | null;
  give(slab: Slab, offset: number): void;
  /** A kernel has read a slice of this slab and written another one. */
  clashed(slab: Slab): void;
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
/** Slabs of a lane that submissions fill in turn. */
const MOST_TURNS = 3;

/** `make` gives a buffer of so many bytes, or null where there is no room for it; `discard` destroys one. */
export function createSlabs(
  make: (bytes: number) => GPUBuffer | null,
  discard: (gpu: GPUBuffer) => void,
): Slabs {
  const slabs = new Map<number, Slab[]>();
  /** Of lanes in which slices clashed: how many slabs take turns. */
  const turns = new Map<number, number>();
  const seen = new Set<number>();
  let submission = 0;
  const taken = new Map<number, number>();

  function grow(size: number, lane: number, key: number, known: Slab[]): Slab | null {
    const bytes = Math.min(FIRST_SLAB * 2 ** known.length, LARGEST_SLAB);
    const count = Math.max(LEAST_SLICES, Math.floor(bytes / size));
    const gpu = make(count * size);
    if (!gpu) return null;
    const free = Array.from({ length: count }, (_, i) => (count - 1 - i) * size);
    const slab = { gpu, size, lane, key, count, free };
    known.push(slab);
    return slab;
  }

  return {
    take(size) {
      const index = taken.get(size) ?? 0;
      taken.set(size, index + 1);
      const lane = size * LANES + index;
      const inTurn = turns.get(lane) ?? 1;
      if (size > MOST || index >= LANES || inTurn > MOST_TURNS) return null;
      // What comes once, like an optimizer's state, stays and needs no room for others beside it.
      if (!seen.has(lane)) {
        seen.add(lane);
        return null;
      }
      const key = lane * MOST_TURNS + (submission % inTurn);
      let known = slabs.get(key);
      if (!known) {
        known = [];
        slabs.set(key, known);
      }
      const slab = known.find(({ free }) => free.length > 0) ?? grow(size, lane, key, known);
      return slab && { slab, offset: slab.free.pop()! };
    },
    give: ({ free }, offset) => void free.push(offset),
    clashed: ({ lane }) => void turns.set(lane, (turns.get(lane) ?? 1) + 1),
    drop(slab) {
      const known = slabs.get(slab.key);
      if (!known?.includes(slab)) return 0;
      slabs.set(
        slab.key,
        known.filter((other) => other !== slab),
      );
      return slab.free.length * slab.size;
    },
    nextSubmission() {
      submission++;
      taken.clear();
    },
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
