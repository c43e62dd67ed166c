/** Makes kernel expressions. They are interned, so that equal expressions are one object, and simplified as they are made. */
import type { DType } from '../dtype.js';
import type { Expr, ScalarOp, VarExpr } from './ir.js';
import { simplifyOp } from './simplify.js';

export interface ExprBuilder {
  constant(value: number, dtype: DType): Expr;
  /** A fresh loop variable. */
  variable(name: string, size: number): VarExpr;
  scalar(slot: number, dtype: DType): Expr;
  load(buffer: number, index: Expr, dtype: DType, guard?: Expr | null): Expr;
  acc(acc: number, dtype: DType): Expr;
  /** `dtype` must be given for `cast` and `bitcast`; otherwise it follows from the arguments. */
  op(op: ScalarOp, args: readonly Expr[], dtype?: DType): Expr;
  /** The operation as it stands, interned but not simplified. */
  raw(op: ScalarOp, args: readonly Expr[], dtype: DType): Expr;
}

const COMPARES: ReadonlySet<ScalarOp> = new Set<ScalarOp>(['eq', 'ne', 'lt', 'le']);

function resultType(op: ScalarOp, args: readonly Expr[]): DType {
  if (COMPARES.has(op)) return 'bool';
  if (op === 'where') return args[1].dtype;
  return args[0].dtype;
}

/** Ids are unique across builders, so that expressions of one may be used in another (only without sharing). */
let nextId = 0;

export function createExprBuilder(): ExprBuilder {
  const interned = new Map<string, Expr>();
  const intern = <E extends Expr>(key: string, make: (id: number) => E): E => {
    const known = interned.get(key);
    if (known) return known as E;
    const made = make(nextId++);
    interned.set(key, made);
    return made;
  };
  const builder: ExprBuilder = {
    constant: (value, dtype) =>
      intern(`c${dtype} ${Object.is(value, -0) ? '-0' : value}`, (id) => ({
        kind: 'const',
        id,
        dtype,
        value,
      })),
    variable: (name, size) => {
      const id = nextId++;
      const v: VarExpr = { kind: 'var', id, dtype: 'int32', name, size };
      interned.set(`v${id}`, v);
      return v;
    },
    scalar: (slot, dtype) => intern(`s${slot} ${dtype}`, (id) => ({ kind: 'scalar', id, dtype, slot })),
    load: (buffer, index, dtype, guard = null) => {
      if (guard?.kind === 'const') {
        if (guard.value === 0) return builder.constant(0, dtype);
        guard = null;
      }
      const g = guard;
      return intern(`l${buffer} ${index.id} ${dtype} ${g ? g.id : ''}`, (id) => ({
        kind: 'load',
        id,
        dtype,
        buffer,
        index,
        guard: g,
      }));
    },
    acc: (acc, dtype) => intern(`a${acc} ${dtype}`, (id) => ({ kind: 'acc', id, dtype, acc })),
    op: (op, args, dtype = resultType(op, args)) =>
      simplifyOp(builder, op, args, dtype) ?? builder.raw(op, args, dtype),
    raw: (op, args, dtype) => {
      let key = `${op} ${dtype}`;
      for (const a of args) key += ` ${a.id}`;
      return intern(key, (id) => ({ kind: 'op', id, dtype, op, args }));
    },
  };
  return builder;
}

/** The expressions that an expression is made of. */
export function childrenOf(e: Expr): readonly Expr[] {
  if (e.kind === 'op') return e.args;
  if (e.kind === 'load') return e.guard ? [e.index, e.guard] : [e.index];
  return [];
}

/** Visits every distinct sub-expression once (none that is in `seen`), arguments before their users, without recursion. */
export function visitExprs(roots: Iterable<Expr>, visit: (e: Expr) => void, seen = new Set<Expr>()): void {
  const stack: Expr[] = [];
  for (const root of roots) {
    stack.push(root);
    while (stack.length) {
      const e = stack[stack.length - 1];
      if (seen.has(e)) {
        stack.pop();
        continue;
      }
      let ready = true;
      for (const child of childrenOf(e)) {
        if (!seen.has(child)) {
          stack.push(child);
          ready = false;
        }
      }
      if (!ready) continue;
      stack.pop();
      seen.add(e);
      visit(e);
    }
  }
}

/**
 * Substitutes bottom-up: `replace` is asked for every sub-expression (after its arguments were rewritten) and may return
 * another; what changed is rebuilt and simplified again. Pass the same `memo` to share work between roots.
 */
export function rewrite(
  b: ExprBuilder,
  root: Expr,
  replace: (e: Expr) => Expr | undefined,
  memo = new Map<Expr, Expr>(),
): Expr {
  const stack: Expr[] = [root];
  while (stack.length) {
    const e = stack[stack.length - 1];
    if (memo.has(e)) {
      stack.pop();
      continue;
    }
    const pending = childrenOf(e).filter((c) => !memo.has(c));
    if (pending.length) {
      stack.push(...pending);
      continue;
    }
    stack.pop();
    let made: Expr = e;
    if (e.kind === 'op') {
      const args = e.args.map((a) => memo.get(a)!);
      if (args.some((a, i) => a !== e.args[i])) made = b.op(e.op, args, e.dtype);
    } else if (e.kind === 'load') {
      const index = memo.get(e.index)!;
      const guard = e.guard && memo.get(e.guard)!;
      if (index !== e.index || guard !== e.guard) made = b.load(e.buffer, index, e.dtype, guard);
    }
    memo.set(e, replace(made) ?? made);
  }
  return memo.get(root)!;
}
