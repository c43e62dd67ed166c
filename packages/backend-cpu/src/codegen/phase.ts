/** Writes one phase of a nest: its loops, reductions and stores. */
import { countUses, type Expr, type Loop, type Phase, phaseRoots, visitExprs } from '@neurite/tensor';
import { BRANCHLESS, MATH } from '../math/index.js';
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

/**
 * Whether what a body costs is the latency of functions without branches: the engine mixes the instructions of several vectors then.
 * `negative` are the expressions known not to be positive.
 */
function isMixed(roots: readonly Expr[], negative: ReadonlySet<Expr>): boolean {
  let functions = 0;
  let branches = 0;
  visitExprs(roots, (e) => {
    if (e.kind !== 'op' || !(e.op in MATH)) return;
    functions++;
    if (!BRANCHLESS.has(e.op) && !negative.has(e.args[0])) branches++;
  });
  return functions > 0 && branches === 0;
}

/** Vectors per iteration: several hide latency, but a large body gains nothing. */
export function copiesFor(
  roots: readonly Expr[],
  reductions: number,
  negative: ReadonlySet<Expr> = new Set(),
): number {
  const cost = vectorCost(roots);
  const mixed = isMixed(roots, negative);
  if (reductions > 0) return reductions <= 2 && cost <= (mixed ? 24 : 10) ? 4 : cost <= 24 ? 2 : 1;
  return cost <= (mixed ? 32 : 4) ? 4 : cost <= (mixed ? 80 : 32) ? 2 : 1;
}

/** The same for a loop whose length is known: of four and five vectors what leaves fewer over, as these run one by one. */
function copiesForLoop(c: Context, phase: Phase, vectors: number): number {
  const roots = phaseRoots(phase);
  const copies = copiesFor(roots, phase.reductions.length, c.negative);
  return copies === 4 && isMixed(roots, c.negative) && vectors % 5 < vectors % 4 ? 5 : copies;
}

/**
 * Writes a phase at the current point of the outer loops (of each lane, where lanes spread over one of them). The phase's
 * reductions are known afterwards.
 */
export function emitPhase(c: Context, phase: Phase): void {
  c.uses = countUses(phaseRoots(phase));
  const inner = phase.loops.at(-1);
  const own = !c.lane && spreadsOverLanes(phase) && inner ? inner : null;
  const copies = own ? copiesForLoop(c, phase, Math.floor(own.size / c.width)) : c.copies;
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
