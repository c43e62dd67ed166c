/**
 * Values that a later phase computes again are kept instead: softmax takes each exponential once for the sum and once for the
 * quotient. The first phase stores them in working memory, which holds one outer point's and stays in the nearest cache;
 * the later one loads them.
 */
import {
  type BufferArg,
  createExprBuilder,
  type Expr,
  type ExprBuilder,
  type Kernel,
  type Loop,
  type Nest,
  type OpExpr,
  type Phase,
  rewrite,
  type Store,
  visitExprs,
} from '@neurite/tensor';
import { opCost, pointsOf } from './cost.js';
import { createNumbering } from './numbering.js';
import { mapPhase } from './phaseMap.js';
import { positionIn } from './split.js';
import { phasesThatMayRepeat } from './stages.js';

/** What has no op as dear as a transcendental function is computed again: storing and loading cost several instructions. */
const DEAR = 20;
/** Working memory at most: beyond the second-level cache, reading back is no cheaper than an exponential. */
const MAX_ELEMENTS = 65536;

export interface Stashed {
  readonly kernel: Kernel;
  readonly nest: Nest;
  readonly scratchBytes: number;
}

/** Visits the dear sub-expressions of what a phase computes (addresses and guards aside), down to where `visit` is false. */
function visitDear(phase: Phase, visit: (e: OpExpr) => boolean): void {
  const values = [...phase.reductions, ...phase.stores].map(({ value }) => value);
  const dear = new Set<Expr>();
  visitExprs(values, (e) => {
    if (e.kind === 'op' && (opCost(e, 4) >= DEAR || e.args.some((a) => dear.has(a)))) dear.add(e);
  });
  const seen = new Set<Expr>();
  const stack = [...values];
  while (stack.length) {
    const e = stack.pop()!;
    if (seen.has(e) || e.kind !== 'op' || !dear.has(e)) continue;
    seen.add(e);
    if (visit(e)) stack.push(...e.args);
  }
}

/** Position of a point in its loops, behind the first `offset` elements. */
const placeIn = (b: ExprBuilder, loops: readonly Loop[], offset: number): Expr =>
  b.op('add', [positionIn(b, loops), b.constant(offset, 'int32')]);

/** A value of an earlier phase; it has a place in working memory once a later phase wants it. */
interface Candidate {
  readonly phase: Phase;
  readonly value: Expr;
  offset: number | null;
}

/** Whether a value differs along the loops of its phase, and is a float32 that no store of the nest changes between phases. */
function isWorthKeeping(kernel: Kernel, { phase, value }: Candidate): boolean {
  let varies = false;
  let lasts = value.dtype === 'float32';
  visitExprs([value], (part) => {
    varies ||= phase.loops.some((l) => l.variable === part);
    lasts &&= part.kind !== 'load' || kernel.buffers[part.buffer].access === 'read';
  });
  return varies && lasts;
}

/**
 * The nest with dear repeated values kept, in a kernel whose last buffer is the working memory, or null where nothing is
 * repeated. Only for nests whose outer points run one by one, not side by side in lanes.
 */
export function stashRepeated(kernel: Kernel, nest: Nest): Stashed | null {
  const phases = phasesThatMayRepeat(nest);
  const b = createExprBuilder();
  const buffer = kernel.buffers.length;
  const numbering = createNumbering();
  const candidates = new Map<number, Candidate>();
  const loads = new Map<Phase, Map<Expr, Expr>>(phases.map((p) => [p, new Map()]));
  let elements = 0;
  for (const phase of phases) {
    const points = pointsOf(phase.loops);
    const numberOf = numbering(phase);
    const own: Candidate[] = [];
    visitDear(phase, (value) => {
      const known = candidates.get(numberOf(value));
      if (!known) own.push({ phase, value, offset: null });
      else if (known.offset === null && elements + points <= MAX_ELEMENTS && isWorthKeeping(kernel, known)) {
        known.offset = elements;
        // Whole vectors, so that what follows is aligned.
        elements += Math.ceil(points / 16) * 16;
      }
      if (known?.offset == null) return true;
      const index = placeIn(b, phase.loops, known.offset);
      loads.get(phase)!.set(value, b.load(buffer, index, 'float32'));
      return false;
    });
    for (const c of own) candidates.set(numberOf(c.value), c);
  }
  if (elements === 0) return null;

  const stores = (phase: Phase): Store[] =>
    [...candidates.values()]
      .filter((c) => c.phase === phase && c.offset !== null)
      .map((c) => ({
        buffer,
        index: placeIn(b, phase.loops, c.offset!),
        value: c.value,
        mode: 'set',
        guard: null,
      }));
  const keepIn = (phase: Phase): Phase => {
    const memo = loads.get(phase);
    if (!memo) return phase;
    const known = (e: Expr): Expr => rewrite(b, e, () => undefined, memo);
    return mapPhase({ ...phase, stores: [...phase.stores, ...stores(phase)] }, known);
  };
  const memory: BufferArg = { dtype: 'float32', size: elements, access: 'readwrite' };
  return {
    kernel: { ...kernel, buffers: [...kernel.buffers, memory] },
    nest: { ...nest, phases: nest.phases.map(keepIn) },
    scratchBytes: elements * 4,
  };
}
