/** Moves what a loop does not change out of it: evaluated before the loop starts, found again inside. */
import { childrenOf, type Expr, type VarExpr } from '@neurite/tensor';
import { type Context, isInt, strideOf, varies } from './context.js';
import { keepScalar } from './scalar.js';
import { keepVector, prepare, vectorChildren } from './vector.js';

interface Wanted {
  readonly e: Expr;
  readonly scalar: boolean;
}

/**
 * Evaluates the largest sub-expressions of `roots` whose variables and reductions are all known now. `innermost` is the
 * variable whose pointers will cover addresses; reductions in `running` still change.
 */
export function hoist(
  c: Context,
  roots: readonly Expr[],
  innermost: VarExpr | null,
  running: ReadonlySet<number>,
): void {
  const available = new Map<Expr, boolean>();
  const seen = new Set<string>();
  const stack: Wanted[] = roots.map((e) => ({ e, scalar: false }));
  while (stack.length) {
    const { e, scalar } = stack.pop()!;
    const key = `${e.id}${scalar ? 's' : 'v'}`;
    if (seen.has(key) || e.kind === 'const' || e.kind === 'var' || e.kind === 'acc') continue;
    seen.add(key);
    if (isAvailable(c, e, running, available)) {
      if (scalar && !varies(c, e)) keepScalar(c, e);
      else if (!scalar) for (let copy = 0; copy < (varies(c, e) ? c.copies : 1); copy++) keep(c, e, copy);
    } else if (e.kind === 'op') {
      const inScalarWorld = scalar || (isInt(e.dtype) && vectorChildren(e).length === 0);
      for (const arg of e.args)
        stack.push({ e: arg, scalar: inScalarWorld && !arg.dtype.startsWith('float') });
    } else if (e.kind === 'load') {
      if (!innermost || strideOf(e.index, innermost) === undefined) stack.push({ e: e.index, scalar: true });
      if (e.guard) stack.push({ e: e.guard, scalar: !varies(c, e.guard) });
    }
  }
}

function keep(c: Context, e: Expr, copy: number): void {
  prepare(c, e, copy);
  keepVector(c, e, copy);
}

function isAvailable(c: Context, e: Expr, running: ReadonlySet<number>, memo: Map<Expr, boolean>): boolean {
  const stack = [e];
  while (stack.length) {
    const top = stack[stack.length - 1];
    if (memo.has(top)) {
      stack.pop();
      continue;
    }
    const children = childrenOf(top);
    const pending = children.filter((child) => !memo.has(child));
    if (pending.length) {
      stack.push(...pending);
      continue;
    }
    stack.pop();
    const bound =
      top.kind === 'var'
        ? c.variables.has(top)
        : top.kind !== 'acc' || (c.accs.has(top.acc) && !running.has(top.acc));
    memo.set(top, bound && children.every((child) => memo.get(child)));
  }
  return memo.get(e)!;
}
