/** What kernels of one text have in common: a short key. */
import { visitExprs } from './expr.js';
import type { Expr, Kernel } from './ir.js';
import { phaseRoots } from './traverse.js';

const isExpr = (value: unknown): value is Expr =>
  typeof value === 'object' && value !== null && 'kind' in value;

/** Infinite numbers, NaN and −0 in a way that JSON can say. */
export const spelled = (value: unknown): unknown =>
  typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
    ? value === 0
      ? '-0'
      : String(value)
    : value;

/**
 * A key that two kernels share only if they are the same: a list of all distinct expressions, each after its arguments, which are
 * numbers of this list, and the kernel with such numbers. (A tree of expressions is too deep for a recursion on a worker's stack.)
 */
export function kernelKey(kernel: Kernel): string {
  const numbers = new Map<Expr, number>();
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, part: unknown) =>
      // A loop variable that nothing uses has no number, and needs none.
      isExpr(part) ? (numbers.get(part) ?? null) : spelled(part),
    );
  const list: string[] = [];
  visitExprs(
    kernel.nests.flatMap((nest) => nest.phases.flatMap(phaseRoots)),
    (e) => {
      // Ids differ from plan to plan.
      const { id: _id, ...rest } = e;
      list.push(text(Object.values(rest)));
      numbers.set(e, numbers.size);
    },
  );
  return `${list.join()} ${text(kernel)}`;
}
