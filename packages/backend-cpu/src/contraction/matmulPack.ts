/** Packing of a matrix product's operands: where they are, and a part that does it for all units. */
import { type Emitter, emitter, type I32 } from './emit.js';
import type { MatmulPlan, Operand, Side } from './matmulPlan.js';
import type { Element } from './microKernel.js';
import { emitPanels } from './pack.js';
import type { BlockProgram, BlockTarget } from './program.js';

/** Indices of a batch entry by its number. */
export function pointsOf(e: Emitter, batch: readonly number[], entry: I32): I32[] {
  const points: I32[] = [];
  let rest = entry;
  for (const size of [...batch].reverse()) {
    points.unshift(e.hold(e.rem(rest, size)));
    rest = e.hold(e.div(rest, size));
  }
  return points;
}

/** Address of row (or column) `at` of an operand in the batch entry at `points`. */
export const startOf = (
  e: Emitter,
  { bytes }: Element,
  operand: Operand,
  { buffer }: BlockTarget,
  points: readonly I32[],
  at: I32,
): I32 =>
  e.hold(
    e.add(
      buffer(operand.buffer),
      operand.offset * bytes,
      ...points.map((p, i) => e.mul(p, operand.batch[i]! * bytes)),
      e.mul(at, operand.across * bytes),
    ),
  );

export const stridesOf = ({ bytes }: Element, { across, along }: Operand) => ({
  across: across * bytes,
  along: along * bytes,
});

/** Fills the shared panels: a unit is a group of strips or panels over a stretch of k. */
export function packProgram(plan: MatmulPlan, shared: readonly Side[]): BlockProgram {
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
export const panelOffset = (
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
