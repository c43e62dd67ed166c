/** How a product of few rows (or columns) is cut, and where its units keep what they share. */
import type { MatmulContraction } from '@neurite/tensor';
import { MAX_SHARED, type Operand } from './matmulPlan.js';
import type { Element } from './microKernel.js';
import { evenBlock, roundUp, wantedUnits } from './program.js';

/** Below these the loops around the kernels weigh too much: products of a batch entry, columns, sums, and products of each. */
const MIN_PRODUCTS = 8192;
const MIN_COLUMNS = 16;
const MIN_SUMS = 64;
const MIN_DOT = 32;

/** Sums of a unit stay in the second-level cache: rows in one piece are worth more than sums in the first. */
const SUMS_BYTES = 256 * 1024;
/**
 * How far along k sums go before they are added to others, so that errors stay small: rows of several streams are added up at once,
 * dot products have a sum for each lane, so that about 100 and 256 numbers follow each other.
 */
const MAX_PIECE = 384;
export const MAX_STRETCH = 1024;
/** Columns and depth of a unit, at least. */
const MIN_UNIT = { columns: 256, depth: 32 } as const;
/** The same where lanes lie along k. */
const MIN_DOTS_UNIT = { columns: 16, depth: 1024 } as const;

export interface SkinnyPlan {
  readonly batch: readonly number[];
  readonly element: Element;
  /** Batch entries. */
  readonly entries: number;
  /** Rows of the narrow operand, columns of the wide one. */
  readonly rows: number;
  readonly columns: number;
  readonly k: number;
  readonly narrow: Operand;
  readonly wide: Operand;
  /** Whether the narrow operand is rhs: rows and columns trade places. */
  readonly swapped: boolean;
  /** Whether lanes lie along k, or else along the columns. */
  readonly dots: boolean;
  /** What a unit adds up, and how many pieces of k and blocks of columns there are. */
  readonly block: { readonly columns: number; readonly k: number };
  readonly pieces: number;
  readonly blocks: number;
}

/** Plans a product of few rows or columns; undefined where it is none, or neither way of reading suits its operands. */
export function planSkinny(contraction: MatmulContraction, element: Element): SkinnyPlan | undefined {
  const { m, n, k, lhs, rhs, batch } = contraction;
  const swapped = n < m;
  const [rows, columns] = swapped ? [n, m] : [m, n];
  const left = { ...lhs, batch: lhs.strides.batch, across: lhs.strides.m, along: lhs.strides.k };
  const right = { ...rhs, batch: rhs.strides.batch, across: rhs.strides.n, along: rhs.strides.k };
  const [narrow, wide] = swapped ? [right, left] : [left, right];
  const dots = wide.along === 1;
  const inPlace = dots ? k >= MIN_DOT : wide.across === 1 && m * n >= MIN_SUMS;
  if (!inPlace || columns < MIN_COLUMNS || m * n * k < MIN_PRODUCTS) return undefined;
  const entries = batch.reduce((product, size) => product * size, 1);
  const units = wantedUnits(entries * m * n * k) / entries;
  const least = dots ? MIN_DOTS_UNIT : MIN_UNIT;
  const most = (size: number, unit: number) => Math.max(1, Math.floor(size / unit));
  // Neighbours should stay together: columns in one case, products of one column in the other.
  const blocksFor = (parts: number) =>
    Math.max(
      Math.min(Math.ceil(parts), most(columns, least.columns)),
      Math.ceil((rows * columns * element.bytes) / SUMS_BYTES),
    );
  const piecesFor = (parts: number) =>
    Math.max(Math.min(Math.ceil(parts), most(k, least.depth)), dots ? 1 : Math.ceil(k / MAX_PIECE));
  const parts = dots
    ? { columns: blocksFor(units), k: piecesFor(units / blocksFor(units)) }
    : { columns: blocksFor(units / piecesFor(units / blocksFor(1))), k: piecesFor(units / blocksFor(1)) };
  const block = { columns: evenBlock(columns, parts.columns, 16), k: evenBlock(k, parts.k, 4) };
  const plan = {
    ...{ batch, element, entries, rows, columns, k, narrow, wide, swapped, dots, block },
    pieces: Math.ceil(k / block.k),
    blocks: Math.ceil(columns / block.columns),
  };
  return sharedBytes(plan) <= MAX_SHARED ? plan : undefined;
}

/** Bytes between rows of a unit's sums: not a power of two, so that rows do not meet in one set of the cache. */
export const sumRowOf = ({ block, element }: SkinnyPlan): number => block.columns * element.bytes + 64;
export const sumsOf = (plan: SkinnyPlan): number => plan.rows * sumRowOf(plan);
/** Shared memory for the partial sums of all units, and behind it for copies of rows that do not lie along k as dot products need it. */
export const partialBytes = (plan: SkinnyPlan): number =>
  plan.pieces === 1 ? 0 : plan.entries * plan.pieces * plan.blocks * sumsOf(plan);
export const isCopied = ({ dots, narrow }: SkinnyPlan): boolean => dots && narrow.along !== 1;
export const copyRowOf = ({ k, element }: SkinnyPlan): number => roundUp(k * element.bytes, 16);
export const sharedBytes = (plan: SkinnyPlan): number =>
  partialBytes(plan) + (isCopied(plan) ? plan.entries * plan.rows * copyRowOf(plan) : 0);
