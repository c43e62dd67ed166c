/**
 * Matrix product by packed panels (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008).
 *
 * A unit of work is a block of C of one batch entry: for each stretch of k, panel after panel of B is multiplied by all the
 * block's strips of A while it is in the first-level cache. Sums go to working memory; the epilogue reads them there. Strips or
 * panels that several units need are packed for all of them by a part in front; the others a unit packs itself, except strips
 * that too few panels need.
 */
import type { MatmulContraction } from '@neurite/tensor';
import type { FunctionBuilder } from '../wasm/encoder.js';
import { type Emitter, emitter, type I32 } from './emit.js';
import { packProgram, panelOffset, pointsOf, startOf, stridesOf } from './matmulPack.js';
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

/** What a unit computes, and where it works. */
interface Block {
  readonly points: readonly I32[];
  readonly entry: I32;
  readonly i0: I32;
  readonly j0: I32;
  readonly rows: I32;
  readonly columns: I32;
  readonly sums: I32;
  /** Room for panels of both sides, those that are not shared. */
  readonly own: readonly [I32, I32];
  /** Where rows of lhs and columns of rhs begin in their buffers. */
  readonly starts: readonly [I32, I32];
}

/** Bytes of panels that a unit packs itself. */
const ownBytes = ({ block, element: { bytes }, sides: [lhs, rhs] }: MatmulPlan): [number, number] => [
  lhs.shared === null ? block.m * block.k * bytes : 0,
  rhs.shared === null ? Math.min(rhs.group, block.n) * block.k * bytes : 0,
];

/** Multiplies panels, the shared ones or those that it packs. */
function productProgram(plan: MatmulPlan): BlockProgram {
  const { contraction, element, entries, block, count, stretches } = plan;
  const { m, n, k } = contraction;
  const sumRow = block.n * element.bytes;
  const [ownA, ownB] = ownBytes(plan);
  return {
    units: entries * count.m * count.n,
    // Two instructions for four lanes, and as much again for what is around them.
    work: entries * m * n * k,
    scratchBytes: block.m * sumRow + ownA + ownB,
    sharedBytes: plan.sharedBytes,
    places: null,
    mergeable: 1,
    emitUnit(target) {
      const e = emitter(target.f);
      const unit = blockOf(e, plan, target);
      const stretch = (k0: I32) => emitStretch(e, plan, target, unit, k0);
      if (stretches === 1) stretch(0);
      else e.loop(0, k, block.k, stretch);
      e.loop(0, unit.rows, 1, (i) => {
        const at = e.hold(e.add(unit.i0, i));
        target.epilogue([...unit.points, at], unit.j0, unit.columns, e.add(unit.sums, e.mul(i, sumRow)));
      });
    },
  };
}

function blockOf(e: Emitter, plan: MatmulPlan, target: BlockTarget): Block {
  const { contraction, element, block, count, sides } = plan;
  const { m, n, batch } = contraction;
  const { unit, scratch } = target;
  const i0 = e.hold(e.mul(e.rem(e.div(unit, count.n), count.m), block.m));
  const j0 = e.hold(e.mul(e.rem(unit, count.n), block.n));
  const entry = e.hold(e.div(unit, count.n * count.m));
  const points = pointsOf(e, batch, entry);
  const start = (side: Side, at: I32) =>
    side.shared === null ? startOf(e, element, side, target, points, at) : 0;
  const sums = e.hold(scratch);
  const strips = e.hold(e.add(sums, block.m * block.n * element.bytes));
  return {
    ...{ points, entry, i0, j0, sums },
    rows: e.hold(e.min(block.m, e.sub(m, i0))),
    columns: e.hold(e.min(block.n, e.sub(n, j0))),
    own: [strips, e.hold(e.add(strips, ownBytes(plan)[0]))],
    starts: [start(sides[0], i0), start(sides[1], j0)],
  };
}

/** Adds the products of the stretch of k from k0 on to all sums. */
function emitStretch(e: Emitter, plan: MatmulPlan, target: BlockTarget, unit: Block, k0: I32): void {
  const { contraction, element, block, sides } = plan;
  const [lhs, rhs] = sides;
  const { rows, columns } = unit;
  const depth = e.hold(e.min(block.k, e.sub(contraction.k, k0)));
  const pack = (which: 0 | 1, first: I32, size: I32) => {
    const side = sides[which];
    const { across, along } = stridesOf(element, side);
    emitPanels(
      e,
      target.module,
      element,
      side.width,
      { across, along },
      {
        to: unit.own[which],
        source: e.hold(e.add(unit.starts[which], e.mul(k0, along), e.mul(first, across))),
        count: size,
        k: depth,
      },
    );
  };
  const ready = (side: Side, at: I32) =>
    e.hold(e.add(target.shared, panelOffset(e, plan, side, unit.entry, k0, at, depth)));
  const whole = plan.direct ? e.hold(e.sub(rows, e.rem(rows, lhs.width))) : 0;
  if (plan.direct) e.when(e.less(whole, rows), () => pack(0, whole, e.hold(e.sub(rows, whole))));
  else if (lhs.shared === null) pack(0, 0, rows);
  const strips = lhs.shared === null ? unit.own[0] : ready(lhs, unit.i0);
  const multiply = (panels: I32, first: I32, width: I32) => {
    const panel = e.variable(panels);
    e.loop(first, e.hold(e.add(first, width)), rhs.width, (j) => {
      emitPanel(e, plan, target, unit, { k0, depth, whole, strips, panel: panel.get, j });
      panel.advance(e.mul(depth, rhs.width * element.bytes));
    });
  };
  if (rhs.shared === null) {
    e.loop(0, columns, rhs.group, (j) => {
      const width = e.hold(e.min(rhs.group, e.sub(columns, j)));
      pack(1, j, width);
      multiply(unit.own[1], j, width);
    });
  } else multiply(ready(rhs, unit.j0), 0, columns);
}

/** One panel of B and a block's strips of A for it: the `whole` first rows in place, then packed ones. */
interface PanelPass {
  readonly k0: I32;
  readonly depth: I32;
  readonly whole: I32;
  readonly strips: I32;
  readonly panel: I32;
  readonly j: I32;
}

function emitPanel(e: Emitter, plan: MatmulPlan, target: BlockTarget, unit: Block, pass: PanelPass): void {
  const { element, block, tile, sides } = plan;
  const { k0, depth, whole, panel } = pass;
  const { module, f } = target;
  const { bytes } = element;
  const strides = stridesOf(element, sides[0]);
  const sumRow = block.n * bytes;
  const sum = e.variable(e.add(unit.sums, e.mul(pass.j, bytes)));
  const rows = (kernel: FunctionBuilder, from: I32, to: I32, first: I32, step: I32) => {
    const strip = e.variable(first);
    e.loop(from, to, tile.rows, () => {
      for (const value of [strip.get, panel, depth, sum.get, sumRow, k0]) e.push(value);
      f.call(kernel);
      strip.advance(step);
      sum.advance(tile.rows * sumRow);
    });
  };
  if (plan.direct) {
    const from = e.add(unit.starts[0], e.mul(k0, strides.along));
    rows(microKernel(module, element, tile, strides), 0, whole, from, tile.rows * strides.across);
  }
  rows(
    microKernel(module, element, tile),
    whole,
    unit.rows,
    pass.strips,
    e.hold(e.mul(depth, tile.rows * bytes)),
  );
}
