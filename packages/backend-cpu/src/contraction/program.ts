/** The seam between the blocked algorithms and the rest: what they are given, and what they make. */
import type { FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';
import type { Place } from './convGaps.js';
import type { I32 } from './emit.js';

/** Where the code of one unit of work goes. */
export interface BlockTarget {
  readonly module: ModuleBuilder;
  readonly f: FunctionBuilder;
  /** Number of the unit. */
  readonly unit: I32;
  /** Working memory of the caller, for this unit alone. */
  readonly scratch: I32;
  /** Working memory of the whole run, which keeps from part to part what was written. */
  readonly shared: I32;
  /** Address of a buffer argument. */
  buffer(index: number): I32;
  /** How many of the outer loops, from the last, are one loop for `epilogue`. */
  readonly merged: number;
  /**
   * Writes the code that turns finished sums into results, for a run of points: the outer loops but the last `merged` stand
   * at `outer`, those go together from `from` over `count` points whose sums lie next to each other at the address `sums`.
   */
  epilogue(outer: readonly I32[], from: I32, count: I32, sums: I32): void;
}

/** A part of a contraction, cut into independent units. */
export interface BlockProgram {
  readonly units: number;
  /** Machine instructions of all units, roughly. */
  readonly work: number;
  /** Working memory that a caller needs while it runs units, and what all parts of one run share. */
  readonly scratchBytes: number;
  readonly sharedBytes: number;
  /** Which points of the last outer loops it computes, one entry for each loop; null where all. */
  readonly places: readonly Place[] | null;
  /** How many of the last outer loops an epilogue may merge. */
  readonly mergeable: number;
  emitUnit(target: BlockTarget): void;
}

/** How many units a part should have where there is enough to do: two for each of eight threads. */
export const MIN_UNITS = 16;
/** Products for which a unit of its own pays: some microseconds. */
const UNIT_PRODUCTS = 128 * 1024;

/** Into how many units `products` multiplications should be cut at least. */
export const wantedUnits = (products: number): number =>
  Math.max(1, Math.min(MIN_UNITS, Math.floor(products / UNIT_PRODUCTS)));

/** The least multiple of `multiple` that is not below `value`. */
export const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Equal parts of `total`, each a multiple of `multiple`. */
export const evenBlock = (total: number, parts: number, multiple: number): number =>
  roundUp(Math.ceil(total / parts), multiple);
