/**
 * What happens to finished sums: the phases of the nest behind its contraction, written by the general code generator as a
 * loop over neighbouring points. The sums are one more buffer, indexed by the innermost variable.
 */
import {
  createExprBuilder,
  type Expr,
  type ExprBuilder,
  type Kernel,
  type Loop,
  type Nest,
  type Phase,
  phaseRoots,
  type VarExpr,
} from '@neurite/tensor';
import { contains, popScope, pushScope, strideOf } from '../codegen/context.js';
import { hoist } from '../codegen/hoist.js';
import { emitRange, laneVariants } from '../codegen/loops.js';
import { createContext, emitBases, usesDoubles } from '../codegen/nest.js';
import { copiesFor, emitPhase } from '../codegen/phase.js';
import { mapPhase } from '../codegen/phaseMap.js';
import { argumentLayout } from '../program.js';
import type { FunctionBuilder, ModuleBuilder, ValueType } from '../wasm/encoder.js';
import type { Place } from './convGaps.js';
import { emitter, type I32 } from './emit.js';
import type { BlockProgram } from './program.js';

export interface Epilogue {
  /** How many of the nest's outer loops the innermost one of the epilogue stands for: more than 1 where they are one run. */
  readonly merged: number;
  /**
   * `(args, …outer, …starts, from, count, sums)`: the phases for a run of points. The outer loops in front stand at `outer`,
   * the innermost goes from `from` over `count` points, whose sums begin at the address `sums`; there is a start for each
   * place whose step is more than 1.
   */
  write(module: ModuleBuilder): FunctionBuilder;
}

/** Starts of places that an epilogue is given: parts of a contraction differ in them, so that they can share its code. */
export const startsOf = (places: readonly Place[] | null): Place[] =>
  (places ?? []).filter(({ step }) => step > 1);

/**
 * The epilogue of a contraction whose last `mergeable` outer loops may become one loop, where every access allows it. Where
 * `places` are given, the last outer loops run over such positions only, and are counted from 0 in steps of 1.
 */
export function makeEpilogue(
  kernel: Kernel,
  nest: Nest,
  { mergeable, places }: Pick<BlockProgram, 'mergeable' | 'places'>,
): Epilogue {
  const phases = nest.phases.slice(1);
  const tail = nest.outer.slice(nest.outer.length - mergeable);
  const merged = canMerge(phases, tail) ? mergeable : 1;
  const front = nest.outer.slice(0, nest.outer.length - merged);
  const run = nest.outer.slice(nest.outer.length - merged);
  const b = createExprBuilder();
  const outer = front.map(({ variable }) => b.variable(variable.name, variable.size));
  const inner = b.variable(
    run.map(({ variable }) => variable.name).join(''),
    run.reduce((product, { size }) => product * size, 1),
  );
  const { acc, dtype } = nest.phases[0]!.reductions[0]!;
  const sumsBuffer = kernel.buffers.length;
  const known = new Map<Expr, Expr>(front.map(({ variable }, i) => [variable, outer[i]!]));
  for (const { variable } of run) known.set(variable, b.constant(0, 'int32'));
  known.set(run.at(-1)!.variable, inner);
  const starts: VarExpr[] = [];
  for (const [i, { step }] of (places ?? []).entries()) {
    if (step === 1) continue;
    const { variable } = nest.outer[nest.outer.length - places!.length + i]!;
    const start = b.variable(`${variable.name}Start`, step);
    starts.push(start);
    const steps = b.op('mul', [known.get(variable)!, b.constant(step, 'int32')]);
    known.set(variable, b.op('add', [steps, start]));
  }
  const rebuild = rebuilder(b, known, (e) =>
    e.acc === acc ? b.load(sumsBuffer, inner, dtype) : b.acc(e.acc, e.dtype),
  );
  const rebuilt = phases.map((phase) => mapPhase(phase, rebuild));
  const extended: Kernel = {
    ...kernel,
    buffers: [...kernel.buffers, { dtype, size: inner.size, access: 'read' }],
  };
  const roots = rebuilt.flatMap(phaseRoots);
  const pointwise: Nest = { outer: [], phases: rebuilt, contraction: null };
  const width = usesDoubles(extended, pointwise, roots) ? 2 : 4;
  const variables = [...outer, ...starts];
  const params = 1 + variables.length + 3;

  function emit(module: ModuleBuilder, f: FunctionBuilder): void {
    const e = emitter(f);
    const [begin, count, sums] = [params - 3, params - 2, params - 1] as const;
    const c = createContext(module, f, extended, pointwise, argumentLayout(kernel), {
      args: 0,
      width,
      accsVary: true,
    });
    emitBases(c, pointwise, roots);
    variables.forEach((variable, i) => c.variables.set(variable, 1 + i));
    const local = (value: I32) => {
      const index = f.local('i32');
      e.push(value);
      f.set(index);
      return index;
    };
    const get = (index: number) => () => f.get(index);
    const end = local(e.add(get(begin), get(count)));
    const bytes = dtype === 'float64' ? 8 : 4;
    c.bases.set(sumsBuffer, local(e.sub(get(sums), e.mul(get(begin), bytes))));
    const copies = copiesFor(roots, 0);
    pushScope(c);
    hoist(c, roots, inner, new Set());
    emitRange(c, {
      variable: inner,
      extent: { begin, end },
      // A size that needs every step: whole blocks, vectors and single points.
      variants: laneVariants(inner, 2 * width * copies - 1, width, copies),
      accesses: rebuilt,
      body: () => {
        for (const phase of rebuilt) emitPhase(c, phase);
      },
    });
    popScope(c);
  }

  return {
    merged,
    write: (module) =>
      module.helper('epilogue', new Array<ValueType>(params).fill('i32'), [], (f) => emit(module, f)),
  };
}

/** Whether every access moves evenly through the loops as if they were one, and nothing else depends on their variables. */
function canMerge(phases: readonly Phase[], loops: readonly Loop[]): boolean {
  const variables = loops.map(({ variable }) => variable);
  const inner = variables.at(-1)!;
  const isEven = (index: Expr) => {
    const along = strideOf(index, inner);
    let span = 1;
    return [...loops].reverse().every(({ variable, size }) => {
      const stride = strideOf(index, variable);
      const even = size === 1 || (stride !== undefined && along !== undefined && stride === along * span);
      span *= size;
      return even;
    });
  };
  const isFree = (e: Expr) => !variables.some((variable) => contains(e, variable));
  const accepts = (e: Expr): boolean => {
    if (e.kind === 'load') return isEven(e.index) && (!e.guard || isFree(e.guard));
    if (e.kind === 'var') return !variables.includes(e);
    return e.kind !== 'op' || e.args.every(accepts);
  };
  return phases.every(
    (phase) =>
      phase.reductions.every((r) => accepts(r.value)) &&
      phase.stores.every((s) => isEven(s.index) && accepts(s.value) && (!s.guard || isFree(s.guard))),
  );
}

type Rebuild = (e: Expr) => Expr;

/** Copies expressions into another builder: ids of two builders must not meet in one nest. */
function rebuilder(
  b: ExprBuilder,
  known: Map<Expr, Expr>,
  onAcc: (e: Expr & { readonly kind: 'acc' }) => Expr,
): Rebuild {
  const rebuild = (e: Expr): Expr => {
    const before = known.get(e);
    if (before) return before;
    const made = make(e);
    known.set(e, made);
    return made;
  };
  const make = (e: Expr): Expr => {
    switch (e.kind) {
      case 'const':
        return b.constant(e.value, e.dtype);
      case 'var':
        return b.variable(e.name, e.size);
      case 'scalar':
        return b.scalar(e.slot, e.dtype);
      case 'load':
        return b.load(e.buffer, rebuild(e.index), e.dtype, e.guard && rebuild(e.guard));
      case 'acc':
        return onAcc(e);
      case 'op':
        return b.op(e.op, e.args.map(rebuild), e.dtype);
    }
  };
  return rebuild;
}
