/**
 * Matrix product by packed panels (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008).
 *
 * A unit of work is a block of C of one batch entry: for each stretch of k, panel after panel of B is multiplied by all the
 * block's strips of A while it is in the first-level cache. Sums go to working memory; the epilogue reads them there. Strips or
 * panels that several units need are packed for all of them by a part in front; the others a unit packs itself.
 */
import type { MatmulContraction } from '@neurite/tensor';
import type { FunctionBuilder } from '../wasm/encoder.js';
import { type Emitter, emitter, type I32 } from './emit.js';
import { type MatmulPlan, planMatmul, type Side } from './matmulPlan.js';
import { type Element, microKernel } from './microKernel.js';
import { emitPanels } from './pack.js';
import type { BlockProgram, BlockTarget } from './program.js';

/** Plans the product, in one or two parts; nothing is written yet. */
export function matmulPrograms(contraction: MatmulContraction, element: Element): BlockProgram[] {
  const plan = planMatmul(contraction, element);
  const shared = plan.sides.filter((side) => side.shared !== null);
  return [...(shared.length ? [packProgram(plan, shared)] : []), productProgram(plan)];
}

/** Indices of a batch entry by its number. */
function pointsOf(e: Emitter, batch: readonly number[], entry: I32): I32[] {
  const points: I32[] = [];
  let rest = entry;
  for (const size of [...batch].reverse()) {
    points.unshift(e.hold(e.rem(rest, size)));
    rest = e.hold(e.div(rest, size));
  }
  return points;
}

/** Address of row (or column) `at` of an operand in the batch entry at `points`. */
const startOf = (
  e: Emitter,
  { bytes }: Element,
  side: Side,
  { buffer }: BlockTarget,
  points: readonly I32[],
  at: I32,
): I32 =>
  e.hold(
    e.add(
      buffer(side.buffer),
      side.offset * bytes,
      ...points.map((p, i) => e.mul(p, side.batch[i]! * bytes)),
      e.mul(at, side.across * bytes),
    ),
  );

const stridesOf = ({ bytes }: Element, { across, along }: Side) => ({
  across: across * bytes,
  along: along * bytes,
});

/** Fills the shared panels: a unit is a group of strips or panels over a stretch of k. */
function packProgram(plan: MatmulPlan, shared: readonly Side[]): BlockProgram {
  const { contraction, element, entries, stretches } = plan;
  const { bytes } = element;

  function emitSide(e: Emitter, target: BlockTarget, side: Side, unit: I32): void {
    const groups = side.groups;
    const k0 = e.hold(e.mul(e.rem(unit, stretches), plan.block.k));
    const i0 = e.hold(e.mul(e.rem(e.div(unit, stretches), groups), side.group));
    const entry = e.hold(e.div(unit, stretches * groups));
    const depth = e.hold(e.min(plan.block.k, e.sub(contraction.k, k0)));
    const points = pointsOf(e, contraction.batch, entry);
    const source = startOf(e, element, side, target, points, i0);
    emitPanels(e, target.module, element, side.width, stridesOf(element, side), {
      to: e.hold(e.add(target.shared, panelOffset(e, plan, side, entry, k0, i0, depth))),
      source: e.hold(e.add(source, e.mul(k0, side.along * bytes))),
      count: e.hold(e.min(side.group, e.sub(side.size, i0))),
      k: depth,
    });
  }

  const unitsOf = ({ groups }: Side) => entries * stretches * groups;
  return {
    units: shared.reduce((sum, side) => sum + unitsOf(side), 0),
    // About one instruction for an element.
    work: shared.reduce((sum, { size }) => sum + entries * contraction.k * size, 0),
    scratchBytes: 0,
    sharedBytes: plan.sharedBytes,
    places: null,
    mergeable: 1,
    emitUnit(target) {
      const e = emitter(target.f);
      const unit = e.hold(target.unit);
      const [first, second] = shared as [Side, Side?];
      if (!second) return emitSide(e, target, first, unit);
      e.when(
        e.less(unit, unitsOf(first)),
        () => emitSide(e, target, first, unit),
        () => emitSide(e, target, second, e.hold(e.sub(unit, unitsOf(first)))),
      );
    },
  };
}

/** Offset in shared memory of the panel that begins with row (or column) `at`, from k0 on: a stretch's panels lie together. */
const panelOffset = (
  e: Emitter,
  { contraction, element }: MatmulPlan,
  side: Side,
  entry: I32,
  k0: I32,
  at: I32,
  depth: I32,
): I32 =>
  e.add(
    side.shared!,
    e.mul(entry, side.padded * contraction.k * element.bytes),
    e.mul(k0, side.padded * element.bytes),
    e.mul(at, e.mul(depth, element.bytes)),
  );

/** Multiplies panels, the shared ones or those that it packs. */
function productProgram(plan: MatmulPlan): BlockProgram {
  const { contraction, element, entries, block, count, tile, sides } = plan;
  const { k } = contraction;
  const { bytes } = element;
  const [lhs, rhs] = sides;
  const ownA = lhs.shared === null ? block.m * block.k * bytes : 0;
  const ownB = rhs.shared === null ? Math.min(rhs.group, block.n) * block.k * bytes : 0;
  const sumRow = block.n * bytes;

  function emitUnit(target: BlockTarget): void {
    const { module, f, unit, scratch, shared, epilogue } = target;
    const e = emitter(f);
    const kernel = microKernel(module, element, tile);
    const i0 = e.hold(e.mul(e.rem(e.div(unit, count.n), count.m), block.m));
    const j0 = e.hold(e.mul(e.rem(unit, count.n), block.n));
    const entry = e.hold(e.div(unit, count.n * count.m));
    const points = pointsOf(e, contraction.batch, entry);
    const rows = e.hold(e.min(block.m, e.sub(contraction.m, i0)));
    const columns = e.hold(e.min(block.n, e.sub(contraction.n, j0)));
    const sums = e.hold(scratch);

    const multiply = (strips: I32, panels: I32, first: I32, width: I32, k0: I32, depth: I32) => {
      const stripBytes = e.hold(e.mul(depth, tile.rows * bytes));
      const panel = e.variable(panels);
      e.loop(first, e.hold(e.add(first, width)), rhs.width, (j) => {
        const strip = e.variable(strips);
        const sum = e.variable(e.add(sums, e.mul(j, bytes)));
        e.loop(0, rows, tile.rows, () => {
          for (const value of [strip.get, panel.get, depth, sum.get, sumRow, k0]) e.push(value);
          f.call(kernel);
          strip.advance(stripBytes);
          sum.advance(tile.rows * sumRow);
        });
        panel.advance(e.mul(depth, rhs.width * bytes));
      });
    };

    const strips = e.hold(e.add(sums, block.m * sumRow));
    const panels = e.hold(e.add(strips, ownA));
    const [a, b] = (
      [
        [lhs, i0],
        [rhs, j0],
      ] as const
    ).map(([side, at]) => (side.shared === null ? startOf(e, element, side, target, points, at) : 0)) as [
      I32,
      I32,
    ];
    const pack = (side: Side, to: I32, source: I32, first: I32, size: I32, k0: I32, depth: I32) =>
      emitPanels(e, module, element, side.width, stridesOf(element, side), {
        to,
        source: e.hold(e.add(source, e.mul(k0, side.along * bytes), e.mul(first, side.across * bytes))),
        count: size,
        k: depth,
      });
    // Whole strips of A where they are, by a single panel; what is left is packed, as it may end where memory does.
    const multiplyRows = (panel: I32, k0: I32, depth: I32) => {
      const from = e.hold(e.add(a, e.mul(k0, lhs.along * bytes)));
      const whole = e.hold(e.mul(e.div(rows, tile.rows), tile.rows));
      const run = (f: FunctionBuilder, i: I32, strip: I32) => {
        const sum = e.add(sums, e.mul(i, sumRow));
        for (const value of [strip, panel, depth, sum, sumRow, k0]) e.push(value);
        e.f.call(f);
      };
      const inPlace = microKernel(module, element, tile, stridesOf(element, lhs));
      e.loop(0, whole, tile.rows, (i) => run(inPlace, i, e.add(from, e.mul(i, lhs.across * bytes))));
      e.when(e.less(whole, rows), () => {
        pack(lhs, strips, a, whole, e.hold(e.sub(rows, whole)), k0, depth);
        run(kernel, whole, strips);
      });
    };
    e.loop(0, k, block.k, (k0) => {
      const depth = e.hold(e.min(block.k, e.sub(k, k0)));
      const ready = (side: Side, at: I32) =>
        e.hold(e.add(shared, panelOffset(e, plan, side, entry, k0, at, depth)));
      if (plan.direct) {
        if (rhs.shared === null) pack(rhs, panels, b, 0, columns, k0, depth);
        return multiplyRows(rhs.shared === null ? panels : ready(rhs, j0), k0, depth);
      }
      if (lhs.shared === null) pack(lhs, strips, a, 0, rows, k0, depth);
      const left = lhs.shared === null ? strips : ready(lhs, i0);
      if (rhs.shared !== null) return multiply(left, ready(rhs, j0), 0, columns, k0, depth);
      e.loop(0, columns, rhs.group, (j) => {
        const width = e.hold(e.min(rhs.group, e.sub(columns, j)));
        pack(rhs, panels, b, j, width, k0, depth);
        multiply(left, panels, j, width, k0, depth);
      });
    });
    e.loop(0, rows, 1, (i) => {
      epilogue([...points, e.hold(e.add(i0, i))], j0, columns, e.add(sums, e.mul(i, sumRow)));
    });
  }

  return {
    units: entries * count.m * count.n,
    // Two instructions for four lanes, and as much again for what is around them.
    work: entries * contraction.m * contraction.n * k,
    scratchBytes: block.m * sumRow + ownA + ownB,
    sharedBytes: plan.sharedBytes,
    places: null,
    mergeable: 1,
    emitUnit,
  };
}
