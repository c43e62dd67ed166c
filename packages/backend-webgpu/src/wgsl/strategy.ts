/** How the points of a nest are spread over invocations. */
import { affineOf, type Expr, type Loop, type Nest, visitExprs } from '@neurite/tensor';

/** Invocations of a workgroup that works on reductions together, and of one whose invocations have a point each. */
const GROUP = 256;
const THREADS = 64;

export interface Strategy {
  /** Invocations that share one point of the outer loops; a power of two. */
  readonly lanes: number;
  /** Points that one workgroup takes. */
  readonly points: number;
  /** Whether neighbouring invocations take neighbouring points, rather than neighbouring elements of one point's loops. */
  readonly columns: boolean;
}

export const sizeOf = (loops: readonly Loop[]): number => loops.reduce((n, { size }) => n * size, 1);

/** The next power of two. */
export const ceilPower = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(n, 1)));

/** Elements of a loop that one invocation should at least have: less is not worth a round of the tree. */
const PER_LANE = 4;
/** So many points keep a device busy without sharing them. */
const MANY_POINTS = 2 ** 16;

/** Invocations share a long product only where there are few of them. */
const FEW_POINTS = 1024;

export function chooseStrategy(nest: Nest, group: number): Strategy {
  const points = sizeOf(nest.outer);
  if (nest.contraction && points >= FEW_POINTS) return { lanes: 1, points: group, columns: false };
  const longest = Math.max(1, ...nest.phases.filter((p) => !p.ordered).map((p) => sizeOf(p.loops)));
  const columns = readsColumns(nest);
  const most = columns && points >= MANY_POINTS ? 1 : Math.min(group, ceilPower(longest / PER_LANE));
  // Columns keep at least sixteen neighbours together, so that their loads are of whole cache lines.
  const lanes = columns ? Math.min(most, group / 16) : most;
  return { lanes, points: group / lanes, columns };
}

/** Statements that define the `point` of an invocation, from its `block` and `local` number, and its `lane` if there are several. */
export function placeOf({ lanes, points, columns }: Strategy): string[] {
  const within = lanes === 1 ? 'local' : columns ? `local % ${points}` : `local / ${lanes}`;
  const lane = columns ? `local / ${points}` : `local % ${lanes}`;
  return [
    `let point = ${points === 1 ? 'block' : `block * ${points} + ${within}`};`,
    ...(lanes > 1 ? [`let lane = ${lane};`] : []),
  ];
}

/** Invocations of a workgroup: no more than share a point, for then no other points wait at their barriers. */
export function groupFor(nests: readonly Nest[]): number {
  const wanted = nests.filter(isCooperative).map((nest) => {
    const { lanes, columns } = chooseStrategy(nest, GROUP);
    return columns ? GROUP : lanes;
  });
  return Math.max(THREADS, ...wanted);
}

/** Whether any phase of the nest has loops to share. */
const isCooperative = (nest: Nest): boolean =>
  nest.phases.some((p) => !p.ordered && sizeOf(p.loops) > PER_LANE);

/** Whether the loads of the loops lie next to each other along the innermost outer loop rather than along the loops' own. */
function readsColumns({ outer, phases }: Nest): boolean {
  const innermost = outer.findLast((l) => l.size > 1)?.variable;
  if (!innermost) return false;
  for (const { loops, reductions } of phases) {
    const own = loops.findLast((l) => l.size > 1)?.variable;
    if (!own || reductions.length === 0) continue;
    for (const index of loadIndices(reductions.map((r) => r.value))) {
      const strides = affineOf(index)?.terms;
      if (strides?.get(own) === 1) return false;
      if (strides?.get(innermost) === 1) return true;
    }
  }
  return false;
}

function loadIndices(roots: readonly Expr[]): Expr[] {
  const found: Expr[] = [];
  visitExprs(roots, (e) => {
    if (e.kind === 'load') found.push(e.index);
  });
  return found;
}
