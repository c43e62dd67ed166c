/** Writes one phase of a nest: its loops, reductions and stores. */
import { countUses, type Expr, type Loop, type Phase, phaseRoots } from '@neurite/tensor';
import { prepareStore } from './access.js';
import { type Context, popScope, pushScope, strideOf } from './context.js';
import { vectorCost } from './cost.js';
import { hoist } from './hoist.js';
import { emitRange, laneVariants, type Variant } from './loops.js';
import {
  type Accumulator,
  flushAccumulator,
  foldAccumulator,
  settleAccumulator,
  startAccumulator,
  updateAccumulator,
} from './reductions.js';
import { prepare, pushUnrounded, pushVector } from './vector.js';

/** Additions that one accumulator takes before its sum moves to the second level. */
const SUM_BLOCK = 512;

/** Whether the points of a phase's innermost loop may run side by side in the lanes of a vector. */
export function spreadsOverLanes(phase: Phase): boolean {
  const inner = phase.loops.at(-1);
  if (!inner) return false;
  if (!phase.ordered) return true;
  // Neighbours that write to neighbouring elements do not meet, whatever their order.
  const buffers = new Set(phase.stores.map((s) => s.buffer));
  return (
    phase.reductions.length === 0 &&
    buffers.size === phase.stores.length &&
    phase.stores.every((s) => strideOf(s.index, inner.variable) === 1)
  );
}

/** From this cost on a body is bound by latencies; what is cheaper waits for memory. */
const LONG = 10;

/** Vectors per iteration: several hide latency, but a large body gains nothing. */
export function copiesFor(roots: readonly Expr[], reductions: number): number {
  const cost = vectorCost(roots);
  if (reductions > 0) return cost > 24 ? 1 : reductions > 2 ? 2 : 4;
  return cost <= 32 ? 4 : cost <= 80 ? 2 : 1;
}

/** The same for a loop whose length is known: of four and five vectors what leaves fewer over, as these run one by one. */
function copiesForLoop(phase: Phase, vectors: number): number {
  const roots = phaseRoots(phase);
  const copies = copiesFor(roots, phase.reductions.length);
  const fits = copies === 4 && vectorCost(roots) > LONG && vectors % 5 < vectors % 4;
  return fits ? 5 : copies;
}

/**
 * Writes a phase at the current point of the outer loops (of each lane, where lanes spread over one of them). The phase's
 * reductions are known afterwards.
 */
export function emitPhase(c: Context, phase: Phase): void {
  c.uses = countUses(phaseRoots(phase));
  const inner = phase.loops.at(-1);
  const own = !c.lane && spreadsOverLanes(phase) && inner ? inner : null;
  const copies = own ? copiesForLoop(phase, Math.floor(own.size / c.width)) : c.copies;
  const variants: Variant[] = own
    ? laneVariants(own.variable, own.size, c.width, copies)
    : [{ lane: c.lane, lanes: c.lanes, copies: c.copies, step: 1 }];
  const trips = phase.loops.reduce((product, loop) => product * loop.size, 1) / variants[0]?.step;
  const accumulators = phase.reductions.map((reduction) =>
    startAccumulator(c, reduction, {
      ordered: phase.ordered,
      copies: own ? (variants[0]?.copies ?? 1) : copies,
      tail: own !== null && variants.some((v) => v.lanes === 1),
      twoLevels: !phase.ordered && trips > 2 * SUM_BLOCK,
    }),
  );
  const running = new Set(phase.reductions.map((r) => r.acc));
  // An ordered phase reads the running value of its own reductions.
  for (const a of accumulators) c.accs.set(a.reduction.acc, a.copies);
  pushScope(c);
  emitLoops(c, phase, phase.loops, variants, running, accumulators);
  popScope(c);
  for (const a of accumulators) {
    c.accs.set(a.reduction.acc, own ? [foldAccumulator(c, a)] : settleAccumulator(c, a));
  }
}

function emitLoops(
  c: Context,
  phase: Phase,
  loops: readonly Loop[],
  variants: readonly Variant[],
  running: ReadonlySet<number>,
  accumulators: readonly Accumulator[],
): void {
  if (loops.length === 0) {
    emitPoint(c, phase, accumulators);
    return;
  }
  if (loops.some((loop) => loop.size === 0)) return;
  const [loop, ...inner] = loops;
  const innermost = inner.length === 0;
  hoist(c, phaseRoots(phase), innermost ? loop.variable : null, running);
  const flush = () => {
    for (const a of accumulators) flushAccumulator(c, a);
  };
  emitRange(c, {
    variable: loop.variable,
    extent: loop.size,
    variants: innermost ? variants : [{ lane: c.lane, lanes: c.lanes, copies: c.copies, step: 1 }],
    accesses: innermost ? [phase] : null,
    interval:
      innermost && accumulators.some((a) => a.totals.length > 0)
        ? { iterations: SUM_BLOCK, action: flush }
        : undefined,
    body: () => {
      if (innermost) emitPoint(c, phase, accumulators);
      else emitLoops(c, phase, inner, variants, running, accumulators);
    },
  });
}

function emitPoint(c: Context, phase: Phase, accumulators: readonly Accumulator[]): void {
  for (const a of accumulators) {
    const { value } = a.reduction;
    updateAccumulator(c, a, (copy) => {
      prepare(c, value, copy);
      pushVector(c, value, copy);
    });
  }
  // All loads of a point come before its stores: a kernel may read what it updates, and the engine can mix the instructions of
  // several vectors, which hides their latencies.
  const writes: (() => void)[] = [];
  for (const store of phase.stores) {
    for (let copy = 0; copy < c.copies; copy++) {
      prepare(c, store.value, copy);
      writes.push(prepareStore(c, store, copy, pushUnrounded));
    }
  }
  for (const write of writes) write();
}
