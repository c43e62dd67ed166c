/**
 * Matrix products with so few rows (or columns) that packing the other operand would cost more than it saves. That wide operand is
 * read once and where it is. A unit of work adds up a piece of k for a block of columns; where there are several pieces, units
 * leave partial sums in shared memory, and another part adds those up in their order.
 */
import type { MatmulContraction } from '@neurite/tensor';
import { type Emitter, emitter, type I32 } from './emit.js';
import { pointsOf, startOf, stridesOf } from './matmulPack.js';
import { MAX_SHARED, type Operand } from './matmulPlan.js';
import type { Element } from './microKernel.js';
import { packStrip } from './pack.js';
import { type BlockProgram, type BlockTarget, evenBlock, roundUp, wantedUnits } from './program.js';
import { addDotsKernel, addRowsKernel, type SkinnyLayout } from './skinnyKernels.js';

/** Rows that a kernel takes at a time, measured: with more there are registers for fewer streams. */
const GROUP = { rows: 2, dots: 4 } as const;
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
const MAX_STRETCH = 1024;
/** Columns and depth of a unit, at least. */
const MIN_UNIT = { columns: 256, depth: 32 } as const;
/** The same where lanes lie along k. */
const MIN_DOTS_UNIT = { columns: 16, depth: 1024 } as const;
/** Columns whose partial sums a unit adds up. */
const COMBINED = 256;

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
const sumRowOf = ({ block, element }: SkinnyPlan): number => block.columns * element.bytes + 64;
const sumsOf = (plan: SkinnyPlan): number => plan.rows * sumRowOf(plan);
/** Shared memory for the partial sums of all units, and behind it for copies of rows that do not lie along k as dot products need it. */
const partialBytes = (plan: SkinnyPlan): number =>
  plan.pieces === 1 ? 0 : plan.entries * plan.pieces * plan.blocks * sumsOf(plan);
const isCopied = ({ dots, narrow }: SkinnyPlan): boolean => dots && narrow.along !== 1;
const copyRowOf = ({ k, element }: SkinnyPlan): number => roundUp(k * element.bytes, 16);
const sharedBytes = (plan: SkinnyPlan): number =>
  partialBytes(plan) + (isCopied(plan) ? plan.entries * plan.rows * copyRowOf(plan) : 0);

/** Rows in groups of about the same size: where each begins, and how many there are. */
function groupsOf({ rows, dots }: SkinnyPlan): readonly (readonly [first: number, count: number])[] {
  const count = Math.ceil(rows / (dots ? GROUP.dots : GROUP.rows));
  const first = (i: number) => Math.floor((i * rows) / count);
  return Array.from({ length: count }, (_, i) => [first(i), first(i + 1) - first(i)]);
}

/** The product in one to three parts. */
export function skinnyPrograms(plan: SkinnyPlan): BlockProgram[] {
  const copies = isCopied(plan) ? [copyProgram(plan)] : [];
  const sums = sumProgram(plan);
  return plan.pieces === 1 ? [...copies, sums] : [...copies, sums, combineProgram(plan)];
}

/** What all parts have in common. */
const partOf = (plan: SkinnyPlan) => ({ sharedBytes: sharedBytes(plan), places: null, mergeable: 1 });

/** Copies rows to where dot products read them; a unit is a row. */
function copyProgram(plan: SkinnyPlan): BlockProgram {
  const { element, entries, rows, k, narrow } = plan;
  return {
    ...partOf(plan),
    units: entries * rows,
    work: 4 * entries * rows * k,
    scratchBytes: 0,
    emitUnit(target) {
      const e = emitter(target.f);
      const { unit } = target;
      const points = pointsOf(e, plan.batch, e.hold(e.div(unit, rows)));
      const source = startOf(e, element, narrow, target, points, e.hold(e.rem(unit, rows)));
      e.push(e.add(target.shared, partialBytes(plan), e.mul(unit, copyRowOf(plan))));
      e.push(source);
      e.push(1);
      e.push(k);
      target.f.call(packStrip(target.module, element, 1, stridesOf(element, narrow)));
    },
  };
}

/** What a unit works on. */
interface Unit {
  readonly narrow: I32;
  readonly wide: I32;
  readonly sums: I32;
  readonly columns: I32;
  readonly depth: I32;
}

/** Sums of all pieces; results at once where there is only one. */
function sumProgram(plan: SkinnyPlan): BlockProgram {
  const { element, entries, rows, columns, k, pieces, blocks, block } = plan;
  const wide = stridesOf(element, plan.wide);
  const narrow = isCopied(plan)
    ? { across: copyRowOf(plan), along: element.bytes }
    : stridesOf(element, plan.narrow);
  const layout: SkinnyLayout = { element, narrow, wide, sumRow: sumRowOf(plan) };
  return {
    ...partOf(plan),
    units: entries * pieces * blocks,
    work: entries * rows * columns * k,
    scratchBytes: pieces === 1 ? sumsOf(plan) : 0,
    emitUnit(target) {
      const e = emitter(target.f);
      const { unit, shared } = target;
      const j0 = e.hold(e.mul(e.rem(unit, blocks), block.columns));
      const k0 = e.hold(e.mul(e.rem(e.div(unit, blocks), pieces), block.k));
      const entry = e.hold(e.div(unit, blocks * pieces));
      const points = pointsOf(e, plan.batch, entry);
      const rowsAt = isCopied(plan)
        ? e.add(shared, partialBytes(plan), e.mul(entry, rows * copyRowOf(plan)))
        : startOf(e, element, plan.narrow, target, points, 0);
      const work: Unit = {
        narrow: e.hold(e.add(rowsAt, e.mul(k0, narrow.along))),
        wide: e.hold(e.add(startOf(e, element, plan.wide, target, points, j0), e.mul(k0, wide.along))),
        sums: e.hold(pieces === 1 ? target.scratch : e.add(shared, e.mul(unit, sumsOf(plan)))),
        columns: e.hold(e.min(block.columns, e.sub(columns, j0))),
        depth: e.hold(e.min(block.k, e.sub(k, k0))),
      };
      for (const value of [work.sums, 0, sumsOf(plan)]) e.push(value);
      target.f.memoryFill();
      if (plan.dots) emitDots(e, target, plan, layout, work);
      else emitRows(e, target, plan, layout, work);
      if (pieces === 1) emitResults(e, target, plan, points, { ...work, from: j0, count: work.columns });
    },
  };
}

/**
 * Rows (or columns) of the wide operand that are read at the same time: as many as there are registers for. Each is the first of a
 * long stretch of memory that the calls to come go on with: several such streams are up to twice as fast as one, and as neighbouring rows.
 */
const streamsFor = (rows: number): number => (rows <= 2 ? 4 : 2);

/** Calls `add(first, count, apart)` so that 0 … size − 1 are covered by first, first + apart, …, each `count` numbers. */
function emitStreams(
  e: Emitter,
  size: I32,
  count: number,
  add: (first: I32, count: number, apart: I32) => void,
): void {
  const apart = e.hold(e.div(size, count));
  e.loop(0, apart, 1, (first) => add(first, count, apart));
  e.loop(e.hold(e.mul(apart, count)), size, 1, (first) => add(first, 1, 0));
}

function emitRows(e: Emitter, target: BlockTarget, plan: SkinnyPlan, layout: SkinnyLayout, unit: Unit): void {
  const { narrow, wide, sumRow } = layout;
  const groups = groupsOf(plan);
  emitStreams(e, unit.depth, streamsFor(groups.at(-1)![1]), (at, count, apart) => {
    for (const [first, rows] of groups) {
      e.push(e.add(unit.narrow, e.mul(at, narrow.along), first * narrow.across));
      e.push(e.add(unit.wide, e.mul(at, wide.along)));
      e.push(e.add(unit.sums, first * sumRow));
      e.push(unit.columns);
      e.push(apart);
      target.f.call(addRowsKernel(target.module, layout, rows, count));
    }
  });
}

function emitDots(e: Emitter, target: BlockTarget, plan: SkinnyPlan, layout: SkinnyLayout, unit: Unit): void {
  const { element, narrow, wide, sumRow } = layout;
  const groups = groupsOf(plan);
  emitStreams(e, unit.columns, streamsFor(groups.at(-1)![1]), (j, count, apart) => {
    e.loop(0, unit.depth, MAX_STRETCH, (at) => {
      const depth = e.hold(e.min(MAX_STRETCH, e.sub(unit.depth, at)));
      for (const [first, rows] of groups) {
        e.push(e.add(unit.narrow, e.mul(at, element.bytes), first * narrow.across));
        e.push(e.add(unit.wide, e.mul(at, element.bytes), e.mul(j, wide.across)));
        e.push(e.add(unit.sums, e.mul(j, element.bytes), first * sumRow));
        e.push(depth);
        e.push(apart);
        target.f.call(addDotsKernel(target.module, layout, rows, count));
      }
    });
  });
}

/** Sums that lie in rows, and the columns that they are of. */
interface Finished {
  readonly sums: I32;
  readonly from: I32;
  readonly count: I32;
}

function emitResults(
  e: Emitter,
  target: BlockTarget,
  plan: SkinnyPlan,
  points: readonly I32[],
  { sums, from, count }: Finished,
): void {
  e.loop(0, plan.rows, 1, (i) => {
    target.epilogue([...points, i], from, count, e.add(sums, e.mul(i, sumRowOf(plan))));
  });
}

/** Adds up the partial sums of all pieces: a unit is a slice of the columns of a block. */
function combineProgram(plan: SkinnyPlan): BlockProgram {
  const { element, entries, rows, columns, pieces, blocks, block } = plan;
  const slice = evenBlock(block.columns, Math.ceil(block.columns / COMBINED), 16);
  const slices = Math.ceil(block.columns / slice);
  const sumRow = sumRowOf(plan);
  return {
    ...partOf(plan),
    units: entries * blocks * slices,
    work: entries * rows * columns * pieces,
    scratchBytes: sumsOf(plan),
    emitUnit(target) {
      const e = emitter(target.f);
      const { unit } = target;
      const within = e.hold(e.mul(e.rem(unit, slices), slice));
      const number = e.hold(e.rem(e.div(unit, slices), blocks));
      const entry = e.hold(e.div(unit, slices * blocks));
      const first = e.add(e.mul(entry, pieces * blocks), number);
      const partial = e.hold(e.add(target.shared, e.mul(first, sumsOf(plan)), e.mul(within, element.bytes)));
      const sums = e.hold(target.scratch);
      const from = e.hold(e.add(e.mul(number, block.columns), within));
      const left = e.hold(e.min(e.sub(block.columns, within), e.sub(columns, from)));
      // The last block may have fewer slices.
      e.when(e.less(0, left), () => {
        const count = e.hold(e.min(slice, left));
        e.loop(0, rows, 1, (i) => {
          const row = e.hold(e.mul(i, sumRow));
          e.loop(0, e.hold(e.mul(count, element.bytes)), 16, (at) => {
            const offset = e.hold(e.add(row, at));
            addPieces(e, plan, e.add(partial, offset), e.add(sums, offset));
          });
        });
        const points = pointsOf(e, plan.batch, entry);
        emitResults(e, target, plan, points, { sums, from, count });
      });
    },
  };
}

/** Adds up a vector of all pieces' sums, from the address `partial` on. */
function addPieces(e: Emitter, plan: SkinnyPlan, partial: I32, result: I32): void {
  const { f } = e;
  const sum = f.local('v128');
  const from = e.variable(partial);
  const load = () => {
    from.get();
    f.memory('v128.load', 0, 4);
  };
  load();
  f.set(sum);
  e.loop(1, plan.pieces, 1, () => {
    from.advance(plan.blocks * sumsOf(plan));
    f.get(sum);
    load();
    f.op(`${plan.element.shape}.add`);
    f.set(sum);
  });
  e.push(result);
  f.get(sum);
  f.memory('v128.store', 0, 4);
}
