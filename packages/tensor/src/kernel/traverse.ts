/** Walking over the expressions of a phase. */
import type { DType } from '../dtype.js';
import { childrenOf, visitExprs } from './expr.js';
import type { Expr, Kernel, Phase, ScalarOp } from './ir.js';

/** The expressions that a phase evaluates at each of its points: reductions first, then stores. */
export function phaseRoots(phase: Phase): Expr[] {
  const stores = phase.stores.flatMap((s) => (s.guard ? [s.guard, s.index, s.value] : [s.index, s.value]));
  return [...phase.reductions.map((r) => r.value), ...stores];
}

/** The scalar ops of a kernel, and the dtypes of its arguments and of what it computes. */
export function demandsOf({ nests, buffers, scalars }: Kernel): { ops: Set<ScalarOp>; dtypes: Set<DType> } {
  const ops = new Set<ScalarOp>();
  const dtypes = new Set<DType>([...buffers.map((b) => b.dtype), ...scalars]);
  visitExprs(
    nests.flatMap((nest) => nest.phases.flatMap(phaseRoots)),
    (e) => {
      dtypes.add(e.dtype);
      if (e.kind === 'op') ops.add(e.op);
    },
  );
  return { ops, dtypes };
}

/** How often each expression occurs under `roots`, what is inside a repeated one counted once. */
export function countUses(roots: readonly Expr[]): Map<Expr, number> {
  const uses = new Map<Expr, number>();
  const visit = (e: Expr) => {
    const before = uses.get(e) ?? 0;
    uses.set(e, before + 1);
    if (before === 0) childrenOf(e).forEach(visit);
  };
  roots.forEach(visit);
  return uses;
}
