/** Shorthand for kernels that are written by hand. */
import type { DType } from '../dtype.js';
import { createExprBuilder } from '../kernel/expr.js';
import type {
  BufferArg,
  Contraction,
  Expr,
  Loop,
  Nest,
  Phase,
  ReduceOp,
  ScalarOp,
  Store,
} from '../kernel/ir.js';

/** One builder for all hand-made kernels: expressions of different kernels never meet. */
export const builder = createExprBuilder();

export const constant = (value: number, dtype: DType = 'float32'): Expr => builder.constant(value, dtype);
export const op = (name: ScalarOp, ...args: readonly Expr[]): Expr => builder.op(name, args);
export const cast = (dtype: DType, value: Expr): Expr => builder.op('cast', [value], dtype);
export const load = (
  buffer: number,
  index: Expr,
  dtype: DType = 'float32',
  guard: Expr | null = null,
): Expr => builder.load(buffer, index, dtype, guard);
export const acc = (index: number, dtype: DType = 'float32'): Expr => builder.acc(index, dtype);
export const loop = (name: string, size: number): Loop => ({ variable: builder.variable(name, size), size });

/** offset + Σ factor·value, int32. */
export function index(offset: number, ...terms: readonly (readonly [Loop | Expr, number])[]): Expr {
  return terms.reduce<Expr>(
    (sum, [of, factor]) => {
      const value = 'variable' in of ? of.variable : of;
      return op('add', sum, op('mul', value, constant(factor, 'int32')));
    },
    constant(offset, 'int32'),
  );
}

/** 0 ≤ value < size. */
export const within = (value: Expr, size: number): Expr =>
  op('and', op('le', constant(0, 'int32'), value), op('lt', value, constant(size, 'int32')));

export const reads = (size: number, dtype: DType = 'float32'): BufferArg => ({ dtype, size, access: 'read' });
export const writes = (size: number, dtype: DType = 'float32'): BufferArg => ({
  dtype,
  size,
  access: 'write',
});
export const updates = (size: number, dtype: DType = 'float32'): BufferArg => ({
  dtype,
  size,
  access: 'readwrite',
});

export function store(
  buffer: number,
  at: Expr,
  value: Expr,
  { mode = 'set', guard = null }: { mode?: Store['mode']; guard?: Expr | null } = {},
): Store {
  return { buffer, index: at, value, mode, guard };
}

export const reduction = (index: number, op: ReduceOp, value: Expr) => ({
  acc: index,
  op,
  dtype: value.dtype,
  value,
});

export function phase(loops: readonly Loop[], parts: Partial<Omit<Phase, 'loops'>>): Phase {
  return { loops, ordered: false, reductions: [], stores: [], ...parts };
}

export const nest = (
  outer: readonly Loop[],
  phases: readonly Phase[],
  contraction: Contraction | null = null,
): Nest => ({ outer, phases, contraction });

/** A nest of independent points with these stores. */
export const pointwise = (outer: readonly Loop[], ...stores: readonly Store[]): Nest =>
  nest(outer, [phase([], { stores })]);
