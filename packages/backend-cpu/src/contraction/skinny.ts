/**
 * Matrix products with so few rows (or columns) that packing the other operand would cost more than it saves. That wide operand is
 * read once and where it is. A unit of work adds up a piece of k for a block of columns; where there are several pieces, units
 * leave partial sums in shared memory, and another part adds those up in their order.
 */
import { type Emitter, emitter, type I32 } from './emit.js';
import { pointsOf, startOf, stridesOf } from './matmulPack.js';
import { packStrip } from './pack.js';
import { type BlockProgram, type BlockTarget, evenBlock } from './program.js';
import { addDotsKernel, addRowsKernel, type SkinnyLayout } from './skinnyKernels.js';
import {
  copyRowOf,
  isCopied,
  MAX_STRETCH,
  partialBytes,
  type SkinnyPlan,
  sharedBytes,
  sumRowOf,
  sumsOf,
} from './skinnyPlan.js';

export { planSkinny } from './skinnyPlan.js';

/** Rows that a kernel takes at a time, measured: with more there are registers for fewer streams. */
const GROUP = { rows: 2, dots: 4 } as const;
/** Columns whose partial sums a unit adds up. */
const COMBINED = 256;

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
