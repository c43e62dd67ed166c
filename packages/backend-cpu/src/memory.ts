/**
 * The backend's one WebAssembly memory and its allocator: blocks in address order that merge when freed, found through
 * free lists by size class, so that allocating and freeing take constant time.
 */
import { DeviceError, OutOfMemoryError, ValidationError } from '@neurite/tensor';

const PAGE = 65536;
/** Blocks start and end at multiples of this, a cache line. */
const ALIGNMENT = 64;
/** Kept free at both ends: a vector load whose outer lanes are masked off may reach a few bytes past its buffer. */
const MARGIN = 64;
/** Largest memory that 32-bit addresses reach, less one page so that an end address fits in 32 bits. */
export const MAX_MEMORY_BYTES = 65535 * PAGE;
/** Growing is slow, so it is done in steps of at least this. */
const GROWTH_STEP = 16 * 1024 * 1024;
/** How many blocks of its own size class a request looks at before it takes one of a larger class. */
const FIT_ATTEMPTS = 8;

interface Block {
  readonly start: number;
  size: number;
  free: boolean;
  /** Neighbours by address. */
  previous: Block | null;
  next: Block | null;
  /** Neighbours in the free list. */
  freePrevious: Block | null;
  freeNext: Block | null;
}

export interface MemoryOptions {
  /** Bytes that may be live at once. */
  readonly budget: number;
  /** Whether threads share it. */
  readonly shared?: boolean;
}

export interface MemoryViews {
  readonly words: Int32Array;
  readonly floats: Float32Array;
  readonly doubles: Float64Array;
}

/** Linear memory with an allocator; addresses are byte offsets, multiples of 64. */
export interface LinearMemory {
  readonly memory: WebAssembly.Memory;
  readonly maxPages: number;
  readonly budget: number;
  /** Bytes allocated and not freed, rounded up to blocks. */
  readonly live: number;
  /** Address of at least `bytes` free bytes. Throws OutOfMemoryError, after which everything else still works. */
  allocate(bytes: number): number;
  /** Gives a block back. Throws ValidationError for an address that is not allocated. */
  free(address: number): void;
  /** The memory as bytes; valid until the next `allocate`. */
  bytes(): Uint8Array;
  /** The memory as numbers; valid until the next `allocate`. */
  views(): MemoryViews;
}

const viewsOf = (buffer: ArrayBufferLike) => ({
  bytes: new Uint8Array(buffer),
  words: new Int32Array(buffer),
  floats: new Float32Array(buffer),
  doubles: new Float64Array(buffer),
});

/** Four classes per power of two. */
function sizeClass(size: number): number {
  const units = size / ALIGNMENT;
  const power = 31 - Math.clz32(units);
  return power * 4 + (power < 2 ? 0 : (units >>> (power - 2)) & 3);
}

function reserve(maxPages: number, shared: boolean): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: maxPages, shared });
  } catch (cause) {
    throw new DeviceError(
      `cpu: this machine cannot reserve ${maxPages * PAGE} bytes of address space; pass a smaller memoryBudget`,
      { cause },
    );
  }
}

/** Reserves address space for `budget` bytes; pages are taken as they are needed. Throws DeviceError where it cannot. */
export function createMemory({ budget, shared = false }: MemoryOptions): LinearMemory {
  const maxPages = Math.min(Math.ceil((budget + 2 * MARGIN) / PAGE) + 1, MAX_MEMORY_BYTES / PAGE);
  const memory = reserve(maxPages, shared);
  const classes: (Block | null)[] = new Array(4 * 27).fill(null);
  const allocated = new Map<number, Block>();
  let live = 0;
  let views = viewsOf(memory.buffer);
  let last: Block = link(MARGIN, PAGE - 2 * MARGIN, null, null);
  enlist(last);

  /** Views of the memory as large as it is now. */
  function present(): ReturnType<typeof viewsOf> {
    const { buffer } = memory;
    if (views.bytes.buffer !== buffer || views.bytes.length !== buffer.byteLength) views = viewsOf(buffer);
    return views;
  }

  function link(start: number, size: number, previous: Block | null, next: Block | null): Block {
    const block: Block = { start, size, free: false, previous, next, freePrevious: null, freeNext: null };
    if (previous) previous.next = block;
    if (next) next.previous = block;
    return block;
  }

  function enlist(block: Block): void {
    const c = sizeClass(block.size);
    block.free = true;
    block.freePrevious = null;
    block.freeNext = classes[c];
    if (block.freeNext) block.freeNext.freePrevious = block;
    classes[c] = block;
  }

  function delist(block: Block): void {
    if (block.freePrevious) block.freePrevious.freeNext = block.freeNext;
    else classes[sizeClass(block.size)] = block.freeNext;
    if (block.freeNext) block.freeNext.freePrevious = block.freePrevious;
    block.free = false;
  }

  function find(size: number): Block | null {
    const own = sizeClass(size);
    let candidate = classes[own];
    for (let i = 0; candidate && i < FIT_ATTEMPTS; i++, candidate = candidate.freeNext) {
      if (candidate.size >= size) return candidate;
    }
    for (let c = own + 1; c < classes.length; c++) if (classes[c]) return classes[c];
    // Everything larger is gone, so look at the rest of the own class before growing.
    for (; candidate; candidate = candidate.freeNext) if (candidate.size >= size) return candidate;
    return null;
  }

  /** Extends the last block so that it is free and holds `size`; null where the memory cannot grow. */
  function grow(size: number): Block | null {
    const missing = size - (last.free ? last.size : 0);
    const pages = memory.buffer.byteLength / PAGE;
    const needed = Math.ceil(missing / PAGE);
    const wanted = Math.max(needed, Math.ceil(GROWTH_STEP / PAGE), pages >> 2);
    for (const step of [Math.min(wanted, maxPages - pages), needed]) {
      if (step < needed || pages + step > maxPages) continue;
      try {
        memory.grow(step);
      } catch {
        continue;
      }
      if (last.free) {
        delist(last);
        last.size += step * PAGE;
      } else {
        last = link(last.start + last.size, step * PAGE, last, null);
      }
      enlist(last);
      return last;
    }
    return null;
  }

  function mergeWithNext(block: Block): void {
    const { next } = block;
    if (!next?.free) return;
    delist(next);
    block.size += next.size;
    block.next = next.next;
    if (block.next) block.next.previous = block;
    if (last === next) last = block;
  }

  return {
    memory,
    maxPages,
    budget,
    get live() {
      return live;
    },
    allocate(bytes) {
      const size = Math.max(Math.ceil(bytes / ALIGNMENT), 1) * ALIGNMENT;
      const block = live + size <= budget ? (find(size) ?? grow(size)) : null;
      if (!block) {
        throw new OutOfMemoryError(
          `cpu: cannot allocate ${bytes} bytes: ${live} bytes are in use, the budget is ${budget} and the ` +
            `WebAssembly memory has grown to ${memory.buffer.byteLength}`,
        );
      }
      delist(block);
      if (block.size > size) {
        const rest = link(block.start + size, block.size - size, block, block.next);
        block.size = size;
        if (last === block) last = rest;
        enlist(rest);
      }
      allocated.set(block.start, block);
      live += size;
      return block.start;
    },
    free(address) {
      const block = allocated.get(address);
      if (!block) throw new ValidationError(`cpu: free of address ${address}, which is not allocated`);
      allocated.delete(address);
      live -= block.size;
      mergeWithNext(block);
      const { previous } = block;
      if (previous?.free) {
        delist(previous);
        previous.size += block.size;
        previous.next = block.next;
        if (block.next) block.next.previous = previous;
        if (last === block) last = previous;
        enlist(previous);
      } else {
        enlist(block);
      }
    },
    bytes: () => present().bytes,
    views: present,
  };
}
