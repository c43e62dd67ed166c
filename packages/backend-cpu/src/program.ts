/** What the CPU backend runs: functions over ranges, and the block of memory that carries their arguments. */
import type { Kernel, Program } from '@neurite/tensor';

/** A piece of a program that can be cut into ranges. */
export interface ProgramPart {
  /** Independent units of work: `run` may be called for any ranges that cover 0 … units once, in any order or thread. */
  readonly units: number;
  /** Runs units `begin` … `end` − 1 with the argument block at byte address `args`. */
  readonly run: (begin: number, end: number, args: number) => void;
}

/** A compiled kernel: its parts run one after another, a part starting when the one before is done. */
export interface CpuProgram extends Program {
  readonly parts: readonly ProgramPart[];
  /** Bytes of working memory for one run, undefined at the start; 0 for none. */
  readonly scratchBytes: number;
}

/** Byte offsets within the argument block of a kernel. */
export interface ArgumentLayout {
  /** How many buffers there are. */
  readonly buffers: number;
  /** Byte address of buffer `i` (i32). */
  buffer(i: number): number;
  /** Byte address of the working memory (i32). */
  readonly scratch: number;
  /** Runtime scalar `slot`, in its own dtype; a float16 is kept as float32, what is smaller than 4 bytes as int32. */
  scalar(slot: number): number;
  readonly bytes: number;
}

export function argumentLayout(kernel: Kernel): ArgumentLayout {
  const scratch = 4 * kernel.buffers.length;
  const scalars = (scratch + 4 + 7) & ~7;
  return {
    buffers: kernel.buffers.length,
    buffer: (i) => 4 * i,
    scratch,
    scalar: (slot) => scalars + 8 * slot,
    bytes: scalars + 8 * kernel.scalars.length,
  };
}
