/** The seam between the blocked algorithms and the rest: what they are given, and what they make. */
import type { FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';
import type { I32 } from './emit.js';

/** Where the code of one unit of work goes. */
export interface BlockTarget {
  readonly module: ModuleBuilder;
  readonly f: FunctionBuilder;
  /** Number of the unit. */
  readonly unit: I32;
  /** Working memory of the caller, for this unit alone. */
  readonly scratch: I32;
  /** Address of a buffer argument. */
  buffer(index: number): I32;
  /** How many of the nest's outer loops, from the last, are one loop for `epilogue`. */
  readonly merged: number;
  /**
   * Writes the code that turns finished sums into results, for a run of points: the outer loops but the last stand at
   * `outer`, the last goes from `from` over `count` points whose sums lie next to each other at the address `sums`.
   */
  epilogue(outer: readonly I32[], from: I32, count: I32, sums: I32): void;
}

/** A contraction cut into independent units. */
export interface BlockProgram {
  readonly units: number;
  /** Working memory that a caller needs while it runs units. */
  readonly scratchBytes: number;
  emitUnit(target: BlockTarget): void;
}
