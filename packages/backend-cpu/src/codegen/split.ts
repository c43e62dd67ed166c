/**
 * Nests with so few outer points that threads could not share them run in stages, one part each: a long reduction becomes
 * partial results of a fixed number of pieces, left in the memory that all calls share, and a stage that combines them in
 * their order; a long phase of stores becomes a nest of its own. How a nest is cut follows from its loops alone.
 */
import {
  type BufferArg,
  COMBINING_OP,
  createExprBuilder,
  DTYPES,
  type DType,
  type Expr,
  type ExprBuilder,
  type Kernel,
  type Loop,
  type Nest,
  type Phase,
  phaseRoots,
  type Reduction,
  rewrite,
  type Store,
  visitExprs,
} from '@neurite/tensor';
import { addRows } from './columns.js';
import type { WorkingBuffer } from './context.js';
import { pointsOf } from './cost.js';
import { cutLoops } from './cut.js';
import { mapPhase } from './phaseMap.js';
import { type SplitLimits, type Stages, stageRules } from './stages.js';

const set = (buffer: number, index: Expr, value: Expr): Store => ({
  buffer,
  index,
  value,
  mode: 'set',
  guard: null,
});

/** Row-major position of a point in loops. */
export const positionIn = (b: ExprBuilder, loops: readonly Loop[]): Expr =>
  loops.reduce<Expr>(
    (index, { variable, size }) => b.op('add', [b.op('mul', [index, b.constant(size, 'int32')]), variable]),
    b.constant(0, 'int32'),
  );

/** float16 is summed up in float32. */
const partialType = (dtype: DType): DType => (dtype === 'float16' ? 'float32' : dtype);

/** The stages of a nest with a phase that is worth one. Their shared memory starts at byte `shared`. */
export function splitIntoStages(
  kernel: Kernel,
  nest: Nest,
  width: number,
  limits: SplitLimits,
  shared: number,
): Stages {
  const b = createExprBuilder();
  const { outer } = nest;
  const points = pointsOf(outer);
  const { lane, byRows, isStage, pieces } = stageRules(kernel, nest, width, limits);
  const nests: Nest[] = [];
  const buffers: BufferArg[] = [];
  const working: WorkingBuffer[] = [];
  let sharedBytes = shared;
  let nextAcc = Math.max(-1, ...nest.phases.flatMap((p) => p.reductions.map((r) => r.acc))) + 1;
  /** What stands for a reduction's result in the phases still to come. */
  const results = new Map<number, Expr>();
  /** Phases that run together, once per outer point, and the reductions that they know. */
  let pending: Phase[] = [];
  let known = new Map<number, Reduction>();

  const share = (dtype: DType, size: number): number => {
    working.push({ memory: 'shared', offset: sharedBytes });
    sharedBytes += Math.ceil((size * DTYPES[dtype].bytes) / 64) * 64;
    return kernel.buffers.length + buffers.push({ dtype, size, access: 'readwrite' }) - 1;
  };
  const stage = (loops: readonly Loop[], phases: readonly Phase[]) =>
    nests.push({ outer: loops, phases, contraction: null });
  const resolve = (phase: Phase): Phase => {
    const memo = new Map<Expr, Expr>();
    const replace = (e: Expr) => (e.kind === 'acc' ? results.get(e.acc) : undefined);
    return mapPhase(phase, (e) => rewrite(b, e, replace, memo));
  };

  /** Ends the stage that is being collected; what later phases need of it is kept in shared memory. */
  function flush(later: readonly Phase[]): void {
    if (pending.length === 0) return;
    const wanted = new Set<number>();
    visitExprs(later.flatMap(phaseRoots), (e) => {
      if (e.kind === 'acc' && known.has(e.acc)) wanted.add(e.acc);
    });
    const stores: Store[] = [];
    for (const acc of wanted) {
      const { dtype } = known.get(acc)!;
      const buffer = share(dtype, points);
      const at = positionIn(b, outer);
      stores.push(set(buffer, at, results.get(acc) ?? b.acc(acc, dtype)));
      results.set(acc, b.load(buffer, at, dtype));
    }
    stage(outer, [...pending, { loops: [], ordered: false, reductions: [], stores }]);
    pending = [];
    known = new Map();
  }

  /** Partial results as a stage; their combination starts the next one. */
  function reduce(phase: Phase, count: number): void {
    const cut = cutLoops(b, phase.loops, count);
    const part = mapPhase(phase, cut.inPiece);
    const reductions = part.reductions.map((r) => ({
      ...r,
      dtype: partialType(r.dtype),
      value: b.op('cast', [r.value], partialType(r.dtype)),
    }));
    const cuts = pointsOf(cut.pieces);
    const piece = positionIn(b, cut.pieces);
    const place = (at: Expr) =>
      b.op('add', [b.op('mul', [at, b.constant(points, 'int32')]), positionIn(b, outer)]);
    const partials = reductions.map(({ dtype }) => share(dtype, cuts * points));
    if (lane && byRows(phase)) {
      const values = reductions.map((r) => r.value);
      const others = outer.filter((loop) => loop !== lane);
      stage([...others, ...cut.pieces], addRows(b, lane, cut.loops, values, partials, place(piece)));
    } else {
      const keep = reductions.map(({ acc, dtype }, i) => set(partials[i], place(piece), b.acc(acc, dtype)));
      stage(
        [...outer, ...cut.pieces],
        [
          { ...part, loops: cut.loops, reductions },
          { loops: [], ordered: false, reductions: [], stores: keep },
        ],
      );
    }
    const over = { variable: b.variable('piece', cuts), size: cuts };
    pending.push({
      loops: [over],
      ordered: false,
      reductions: reductions.map((r, i) => ({
        ...r,
        value: b.load(partials[i], place(over.variable), r.dtype),
      })),
      stores: [],
    });
    for (const r of phase.reductions) {
      known.set(r.acc, r);
      results.set(r.acc, b.op('cast', [b.acc(r.acc, partialType(r.dtype))], r.dtype));
    }
    if (!cut.rest) return;
    const { loops, inRest } = cut.rest;
    const rest = mapPhase(phase, inRest);
    const own = rest.reductions.map((r, i) => ({
      ...reductions[i],
      acc: nextAcc++,
      value: b.op('cast', [r.value], reductions[i].dtype),
    }));
    pending.push({ ...rest, loops, reductions: own });
    own.forEach(({ op, dtype, acc }, i) => {
      const whole = b.op(COMBINING_OP[op], [b.acc(phase.reductions[i].acc, dtype), b.acc(acc, dtype)]);
      results.set(phase.reductions[i].acc, b.op('cast', [whole], phase.reductions[i].dtype));
    });
  }

  nest.phases.forEach((original, i) => {
    const phase = resolve(original);
    if (!isStage(phase, original)) {
      pending.push(phase);
      for (const r of phase.reductions) known.set(r.acc, r);
      return;
    }
    flush(nest.phases.slice(i));
    const moved = resolve(original);
    if (phase.reductions.length > 0) reduce(moved, pieces(phase, original));
    else stage([...outer, ...moved.loops], [{ ...moved, loops: [] }]);
  });
  flush([]);
  return { kernel: { ...kernel, buffers: [...kernel.buffers, ...buffers] }, nests, working, sharedBytes };
}
