/** The order of sorted elements, as an expression. */
import type { ExprBuilder } from './expr.js';
import type { Expr } from './ir.js';

/** An element of a row that is sorted. */
export interface Sorted {
  readonly key: Expr;
  /** Its position in the row. */
  readonly place: Expr;
}

/**
 * 1 where `a` stands before `b` in a stable order of the keys, and 0 elsewhere (int32). A NaN is greater than any number. The sum over all `a` of a row is the
 * place of `b` among the sorted; a backend may know a nest by it, and sort in a better way.
 */
export function comesBefore(b: ExprBuilder, a: Sorted, other: Sorted, descending: boolean): Expr {
  const less = (p: Expr, q: Expr) =>
    b.op('or', [b.op('lt', [p, q]), b.op('and', [b.op('ne', [q, q]), b.op('eq', [p, p])])]);
  const before = descending ? less(other.key, a.key) : less(a.key, other.key);
  const after = descending ? less(a.key, other.key) : less(other.key, a.key);
  const tie = b.op('and', [b.op('not', [b.op('or', [before, after])]), b.op('lt', [a.place, other.place])]);
  return b.op('cast', [b.op('or', [before, tie])], 'int32');
}
