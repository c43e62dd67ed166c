/** Rough costs in machine instructions, to choose between ways of vectorising. */
import {
  DTYPES,
  type Expr,
  isFloat,
  type Kernel,
  type LoadExpr,
  type Loop,
  linearOf,
  type Nest,
  type Phase,
  type Store,
  type VarExpr,
  visitExprs,
} from '@neurite/tensor';
import { MATH, type MathName } from '../math/index.js';
import { bitsOfPlace, contains, isInt, isPaired, isShuffled, strideOf } from './context.js';
import { BY_LANE } from './operations.js';

/** Instructions of an op on a vector of `lanes`. */
export function opCost(e: Expr, lanes: number): number {
  if (e.kind !== 'op') return 0;
  if (e.op in MATH && isFloat(e.args[0].dtype)) return MATH[e.op as MathName].cost;
  if (e.op === 'randomBits') return 140;
  if (isInt(e.dtype) && bitsOfPlace(e) !== undefined) return 1;
  if ((isInt(e.dtype) && BY_LANE.has(e.op)) || e.op === 'rem' || e.op === 'mod') return 4 * lanes;
  return e.dtype === 'float16' ? 25 : 1;
}

interface Access {
  readonly index: Expr;
  readonly guard: Expr | null;
  readonly bytes: number;
}

/** Visits what the vector world evaluates: not what makes up addresses. */
function visitValues(roots: readonly Expr[], visit: (e: Expr) => void): void {
  const seen = new Set<Expr>();
  const stack = [...roots];
  while (stack.length) {
    const e = stack.pop()!;
    if (seen.has(e)) continue;
    seen.add(e);
    visit(e);
    if (e.kind === 'op') stack.push(...e.args);
    else if (e.kind === 'load' && e.guard) stack.push(e.guard);
  }
}

/** Instructions of one vector's worth of `roots`, each load counting one. */
export function vectorCost(roots: readonly Expr[]): number {
  let cost = 0;
  visitValues(roots, (e) => {
    cost += e.kind === 'load' ? 1 : opCost(e, 4);
  });
  return cost;
}

/** Instructions that make up an index, beyond what a pointer does for free (and, given a variable, what it leaves alone). */
function indexCost(index: Expr, variable: VarExpr | null): number {
  let cost = 0;
  for (const atom of linearOf(index).terms.keys()) {
    if (atom.kind === 'var' || (variable && !contains(atom, variable))) continue;
    visitExprs([atom], (e) => {
      if (e.kind === 'op') cost += BY_LANE.has(e.op) ? 3 : 1;
      else if (e.kind === 'load') cost += 1;
    });
  }
  return cost;
}

const CACHE_LINE = 64;

/** Instructions of an access by `lanes` neighbours along `variable`, or by one point. */
function accessCost(load: Access, variable: VarExpr | null, lanes: number): number {
  const { index, guard, bytes } = load;
  const stride = variable ? strideOf(index, variable) : 0;
  const guarded = guard && (!variable || contains(guard, variable)) ? 3 : 0;
  if (!variable || lanes === 1) return 1 + guarded + indexCost(index, null);
  if (stride === 1 || stride === 0) return 1 + guarded;
  if (stride !== undefined && isShuffled(stride, bytes, lanes)) return 3 + guarded;
  if (stride === undefined && isPaired(index, variable)) return 3 + guarded + indexCost(index, variable);
  if (stride === undefined) return (2 + guarded + indexCost(index, variable)) * lanes;
  return ((Math.abs(stride) * bytes < CACHE_LINE ? 2 : 4) + guarded) * lanes;
}

/** Instructions of one vector of a phase's points, spread over `variable` (`lanes` = 1: of one point). */
function pointCost(kernel: Kernel, phase: Phase, variable: VarExpr | null, lanes: number): number {
  let cost = 1;
  const access = ({ buffer, index, guard }: LoadExpr | Store) => {
    const { bytes } = DTYPES[kernel.buffers[buffer].dtype];
    cost += accessCost({ index, guard, bytes }, variable, lanes);
  };
  visitValues([...phase.reductions.map((r) => r.value), ...phase.stores.map((s) => s.value)], (e) => {
    if (e.kind === 'load') access(e);
    else cost += opCost(e, lanes);
  });
  for (const store of phase.stores) {
    access(store);
    if (store.mode !== 'set') cost += variable && strideOf(store.index, variable) === 1 ? 3 : 3 * lanes;
  }
  return cost;
}

export const pointsOf = (loops: readonly Loop[]): number =>
  loops.reduce((product, loop) => product * loop.size, 1);

/** Vectors and single points that cover `size` points. */
const iterations = (size: number, width: number) => Math.floor(size / width) + (size % width);

/** Horizontal sum, loop start and the like, per phase that spreads its own loop over lanes. */
const PHASE_OVERHEAD = 15;
/** Counting and addresses of a unit that is one point. */
const UNIT_OVERHEAD = 10;

/**
 * The outer loop to spread over lanes, or null where each phase had better spread its own innermost loop. `canSpread`
 * tells which phases may.
 */
export function chooseLane(
  kernel: Kernel,
  nest: Nest,
  width: number,
  canSpread: (phase: Phase) => boolean,
): Loop | null {
  const points = pointsOf(nest.outer);
  let best: Loop | null = null;
  let least = points * UNIT_OVERHEAD;
  for (const phase of nest.phases) {
    const inner = phase.loops.at(-1);
    const spread = inner && canSpread(phase) ? inner : null;
    const each = spread ? iterations(spread.size, width) / spread.size : 1;
    const cost = pointCost(
      kernel,
      phase,
      spread && spread.size >= width ? spread.variable : null,
      spread ? width : 1,
    );
    least += points * (pointsOf(phase.loops) * each * cost + (spread ? PHASE_OVERHEAD : 1));
  }
  // Of equals the innermost outer loop is taken: it comes last.
  for (const loop of nest.outer) {
    const share = iterations(loop.size, width) / loop.size;
    const cost = nest.phases.reduce(
      (sum, phase) => sum + pointsOf(phase.loops) * pointCost(kernel, phase, loop.variable, width),
      0,
    );
    const total = points * share * (cost + 1);
    if (total <= least) {
      best = loop;
      least = total;
    }
  }
  return best;
}

/** Instructions of a phase at one point of the outer loops, roughly, once vectorised. */
export function phaseWork(kernel: Kernel, phase: Phase, width: number): number {
  return (pointsOf(phase.loops) * pointCost(kernel, phase, null, 1)) / width;
}

/** Instructions per point of the outer loops. */
export function workPerPoint(kernel: Kernel, nest: Nest, width: number): number {
  return Math.max(
    nest.phases.reduce((sum, phase) => sum + phaseWork(kernel, phase, width), 0),
    1,
  );
}
