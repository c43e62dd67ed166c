/** Parts as kernels: loops collapsed where addresses allow, buffers and scalars renamed to the kernel's arguments. */

import { sizeOf } from '../graph/node.js';
import { linearOf } from '../kernel/affine.js';
import { createExprBuilder, type ExprBuilder, rewrite, visitExprs } from '../kernel/expr.js';
import type {
  BufferArg,
  Contraction,
  Expr,
  Kernel,
  Loop,
  NamedKernel,
  Nest,
  Phase,
  VarExpr,
} from '../kernel/ir.js';
import { phaseRoots } from '../kernel/traverse.js';
import type { Graph } from './graph.js';
import { loadsOf, type Part, storesOf } from './part.js';

/** A kernel and what its arguments are: graph nodes for buffers, positions in `graph.scalars` for scalars. */
export interface BoundKernel {
  readonly kernel: Kernel;
  readonly buffers: readonly number[];
  readonly scalars: readonly number[];
}

/** Makes one kernel of independent parts. `overwrite` maps a stored node to the leaf whose memory it takes over. */
export function kernelize(
  graph: Graph,
  source: ExprBuilder,
  parts: readonly Part[],
  overwrite: ReadonlyMap<number, number>,
): BoundKernel {
  const memory = (node: number) => overwrite.get(node) ?? node;
  const reads = new Set<number>();
  const writes = new Set<number>();
  for (const p of parts) {
    for (const l of loadsOf(p).keys()) reads.add(memory(l));
    for (const s of storesOf(p).keys()) writes.add(memory(s));
  }
  const nodes = [...new Set([...reads, ...writes])].sort(
    (x, y) => Number(writes.has(x)) - Number(writes.has(y)) || x - y,
  );
  const slot = new Map(nodes.map((n, i) => [n, i]));
  const buffers = nodes.map(
    (n): BufferArg => ({
      dtype: graph.nodes[n].dtype,
      size: sizeOf(graph.nodes[n].shape),
      access: writes.has(n) ? (reads.has(n) ? 'readwrite' : 'write') : 'read',
    }),
  );
  const scalarSlot = new Map<number, number>();
  const b = createExprBuilder();
  let accs = 0;
  const [{ named }] = parts;
  const nests = (named ? [] : parts).map((part): Nest => {
    const collapsed = part.contraction ? orient(part) : collapseLoops(source, part);
    const vars = new Map<VarExpr, VarExpr>();
    const accOf = new Map<number, number>();
    const loopsOf = (loops: readonly Loop[], prefix: string): Loop[] =>
      loops.map((l, i) => {
        const variable = b.variable(`${prefix}${i}`, l.size);
        vars.set(l.variable, variable);
        return { variable, size: l.size };
      });
    const outer = loopsOf(collapsed.outer, 'i');
    const phases = collapsed.phases.map((p): Phase => {
      const loops = loopsOf(p.loops, 'r');
      const memo = new Map<Expr, Expr>();
      const move = (e: Expr): Expr =>
        rewrite(
          b,
          e,
          (x) => {
            switch (x.kind) {
              case 'const':
                return b.constant(x.value, x.dtype);
              case 'var':
                return vars.get(x);
              case 'scalar': {
                if (!scalarSlot.has(x.slot)) scalarSlot.set(x.slot, scalarSlot.size);
                return b.scalar(scalarSlot.get(x.slot)!, x.dtype);
              }
              case 'acc':
                return b.acc(accOf.get(x.acc)!, x.dtype);
              case 'load':
                return b.load(slot.get(memory(x.buffer))!, x.index, x.dtype, x.guard);
              default:
                return undefined;
            }
          },
          memo,
        );
      for (const r of p.reductions) accOf.set(r.acc, accs++);
      return {
        loops,
        ordered: p.ordered,
        reductions: p.reductions.map((r) => ({ ...r, acc: accOf.get(r.acc)!, value: move(r.value) })),
        stores: p.stores.map((s) => ({
          buffer: slot.get(memory(s.buffer))!,
          mode: s.mode,
          index: move(s.index),
          value: move(s.value),
          guard: s.guard && move(s.guard),
        })),
      };
    });
    return {
      outer,
      phases,
      contraction:
        collapsed.contraction && moveContraction(collapsed.contraction, (n) => slot.get(memory(n))),
    };
  });
  const scalars = [...scalarSlot].sort((x, y) => x[1] - y[1]).map(([s]) => s);
  const names = [...new Set(parts.flatMap((p) => p.names))];
  const name = names.slice(0, 6).join('_') + (names.length > 6 ? `_and_${names.length - 6}` : '');
  return {
    kernel: {
      name,
      buffers,
      scalars: scalars.map((s) => graph.nodes[graph.scalars[s]].dtype),
      nests,
      ...(named && { named: moveNamed(named, (n) => slot.get(memory(n))!) }),
    },
    buffers: nodes,
    scalars,
  };
}

/**
 * A matmul whose results lie column by column (a gradient of a transposed weight) is computed as the product of the transposes, so that
 * its last loop is the one along which memory runs.
 */
function orient(part: Part): Part {
  const c = part.contraction;
  if (c?.op !== 'matmul') return part;
  const batch = part.outer.slice(0, -2);
  const [m, n] = part.outer.slice(-2);
  let columns = 0;
  for (const { index } of part.phases.flatMap((p) => p.stores)) {
    const { terms } = linearOf(index);
    if (m.size > 1 && terms.get(m.variable) === 1) columns++;
    if (n.size > 1 && terms.get(n.variable) === 1) columns--;
  }
  if (columns <= 0) return part;
  const { lhs, rhs } = c;
  return {
    ...part,
    outer: [...batch, n, m],
    contraction: {
      ...c,
      m: c.n,
      n: c.m,
      lhs: { ...rhs, strides: { batch: rhs.strides.batch, m: rhs.strides.n, k: rhs.strides.k } },
      rhs: { ...lhs, strides: { batch: lhs.strides.batch, k: lhs.strides.k, n: lhs.strides.m } },
    },
  };
}

function moveNamed(named: NamedKernel, slot: (node: number) => number): NamedKernel {
  const at = <V extends { readonly buffer: number }>(view: V): V => ({ ...view, buffer: slot(view.buffer) });
  return { ...named, inputs: named.inputs.map(at), outputs: named.outputs.map(at) };
}

/** Null where an operand is not read at all: of a convolution, every tap may lie in the padding. */
function moveContraction(c: Contraction, slot: (node: number) => number | undefined): Contraction | null {
  const operands = c.op === 'matmul' ? [c.lhs, c.rhs] : [c.input, c.weight];
  if (operands.some((a) => slot(a.buffer) === undefined)) return null;
  const at = <A extends { readonly buffer: number }>(a: A): A => ({ ...a, buffer: slot(a.buffer)! });
  return c.op === 'matmul'
    ? { ...c, lhs: at(c.lhs), rhs: at(c.rhs) }
    : { ...c, input: at(c.input), weight: at(c.weight) };
}

/** Joins neighbouring loops that every address treats as one: a contiguous elementwise kernel becomes a single loop. */
function collapseLoops(b: ExprBuilder, part: Part): Part {
  let { outer } = part;
  let phases = part.phases;
  for (let i = outer.length - 2; i >= 0; i--) {
    const joined = join(
      b,
      outer,
      i,
      phases.flatMap((p) => phaseRoots(p)),
    );
    if (!joined) continue;
    outer = joined.loops;
    phases = phases.map((p) => mapPhase(p, joined.rename));
  }
  phases = phases.map((p) => {
    let phase = p;
    for (let i = p.loops.length - 2; i >= 0; i--) {
      const joined = join(b, phase.loops, i, phaseRoots(phase));
      if (joined) phase = { ...mapPhase(phase, joined.rename), loops: joined.loops };
    }
    return phase;
  });
  return { ...part, outer, phases };
}

function mapPhase(p: Phase, rename: (e: Expr) => Expr): Phase {
  return {
    ...p,
    reductions: p.reductions.map((r) => ({ ...r, value: rename(r.value) })),
    stores: p.stores.map((s) => ({
      ...s,
      index: rename(s.index),
      value: rename(s.value),
      guard: s.guard && rename(s.guard),
    })),
  };
}

function join(
  b: ExprBuilder,
  loops: readonly Loop[],
  i: number,
  roots: Expr[],
): { loops: Loop[]; rename: (e: Expr) => Expr } | undefined {
  const [a, c] = [loops[i], loops[i + 1]];
  const size = a.size * c.size;
  if (size >= 2 ** 31) return undefined;
  // Every maximal integer sum in which one of the two occurs must step by c.size times as much for `a` as for `c`.
  let fits = true;
  const check = (e: Expr) => {
    if (e.dtype !== 'int32') return;
    const { terms } = linearOf(e);
    if ((terms.get(a.variable) ?? 0) !== c.size * (terms.get(c.variable) ?? 0)) fits = false;
  };
  for (const r of roots) check(r);
  visitExprs(roots, (e) => {
    if (e.kind === 'load') check(e.index);
    else if (e.kind === 'op' && !isSum(e)) for (const arg of e.args) check(arg);
  });
  if (!fits) return undefined;
  const variable = b.variable(c.variable.name, size);
  const memo = new Map<Expr, Expr>();
  const zero = b.constant(0, 'int32');
  return {
    loops: [...loops.slice(0, i), { variable, size }, ...loops.slice(i + 2)],
    rename: (e) =>
      rewrite(b, e, (x) => (x === a.variable ? zero : x === c.variable ? variable : undefined), memo),
  };
}

const isSum = (e: Expr): boolean =>
  e.kind === 'op' &&
  e.dtype === 'int32' &&
  (e.op === 'add' ||
    e.op === 'sub' ||
    e.op === 'neg' ||
    (e.op === 'mul' && e.args.some((x) => x.kind === 'const')));
