/** Loops over shapes, and what stored nodes become before they are parts. */
import { affineOf } from '../kernel/affine.js';
import type { ExprBuilder } from '../kernel/expr.js';
import type { Expr, Loop, Phase, VarExpr } from '../kernel/ir.js';
import type { Part } from './part.js';

/** Loops of a node's own, or a host step. */
export type PartLoops = Pick<Part, 'outer' | 'phases'> & Partial<Pick<Part, 'contraction' | 'host'>>;

/** Loops over a shape: dimensions of size 1 have no loop, their index is 0. */
export interface Domain {
  readonly loops: Loop[];
  readonly index: Expr[];
}

export function domain(b: ExprBuilder, shape: readonly number[], prefix: string): Domain {
  const loops: Loop[] = [];
  const index = shape.map((size, d) => {
    if (size === 1) return b.constant(0, 'int32');
    const variable = b.variable(`${prefix}${d}`, size);
    loops.push({ variable, size });
    return variable as Expr;
  });
  return { loops, index };
}

/** Loops over a shape, also where a size is 1: contractions want them in place. */
export function fullDomain(b: ExprBuilder, shape: readonly number[], prefix: string): Domain {
  const loops = shape.map((size, d) => ({ variable: b.variable(`${prefix}${d}`, size), size }));
  return { loops, index: loops.map((l) => (l.size === 1 ? b.constant(0, 'int32') : l.variable)) };
}

export const phase = (p: Partial<Phase>): Phase => ({
  loops: [],
  ordered: false,
  reductions: [],
  stores: [],
  ...p,
});

/** An affine, unguarded load in terms of loop variables, or undefined. Variables that do not occur have stride 0. */
export function affineLoad(
  e: Expr,
): { buffer: number; offset: number; stride: (v: VarExpr) => number } | undefined {
  if (e.kind !== 'load' || e.guard) return undefined;
  const form = affineOf(e.index);
  return form && { buffer: e.buffer, offset: form.constant, stride: (v) => form.terms.get(v) ?? 0 };
}

/** Loops over a shape, split into kept and reduced dimensions. `outer.index` has index 0 at the reduced ones. */
export function reduceDomain(
  b: ExprBuilder,
  shape: readonly number[],
  dims: readonly number[],
): { outer: Domain; inner: Loop[]; index: Expr[] } {
  const outer = domain(
    b,
    shape.map((s, d) => (dims.includes(d) ? 1 : s)),
    'i',
  );
  const inner = domain(
    b,
    shape.map((s, d) => (dims.includes(d) ? s : 1)),
    'r',
  );
  return {
    outer,
    inner: inner.loops,
    index: shape.map((_, d) => (dims.includes(d) ? inner.index[d] : outer.index[d])),
  };
}
