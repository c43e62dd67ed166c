/**
 * The meaning of kernels, as a program. Every subexpression has a slot in one array of numbers, and is evaluated once per
 * iteration of the innermost loop that it depends on. Float sums and products accumulate in float64 and are rounded where
 * they are read.
 */
import { fromHalfBits, isFloat, type TypedArray, toHalfBits } from '../dtype.js';
import { NeuriteError, ValidationError } from '../errors.js';
import { roundTo, type ScalarFunction } from '../kernel/exact.js';
import { childrenOf } from '../kernel/expr.js';
import type { Expr, Kernel, LoadExpr, Loop, Nest, Phase, Reduction, ScalarOp, Store } from '../kernel/ir.js';
import { bufferName } from '../kernel/print.js';
import { COMBINING_OP, reductionIdentity } from '../kernel/reduce.js';
import { makeScalarFunction } from '../kernel/scalar.js';

export type RunKernel = (views: readonly TypedArray[], scalars: readonly number[]) => void;
type Action = () => void;

/** Where a value is kept, and the depth from which on it is known. */
type Place = { readonly slot: number; readonly depth: number };

/**
 * Depth 0 is the start of a nest, then come its outer loops, the start of a phase, the phase's loops, and last the time
 * when the phase's reductions have taken in the current point.
 */
interface Scope {
  /** Of expressions, and of reductions by their number. */
  readonly places: Map<Expr | number, Place>;
  /** What is evaluated at each depth, in order. */
  readonly lets: Action[][];
}

/** A kernel as a function of its buffers and scalars. Throws NeuriteError for an op outside `supported`. */
export function interpret(kernel: Kernel, supported: ReadonlySet<ScalarOp>): RunKernel {
  // NaN keeps V8's array one of doubles.
  const env: number[] = [];
  const newSlot = () => env.push(Number.NaN) - 1;
  let views: readonly TypedArray[] = [];
  let scalars: readonly number[] = [];

  const run = sequence(kernel.nests.map(compileNest));
  return (boundViews, boundScalars) => {
    views = boundViews;
    scalars = boundScalars.map((value, i) => roundTo(kernel.scalars[i])(value));
    run();
  };

  function compileNest(nest: Nest): Action {
    const scope: Scope = { places: new Map(), lets: [[]] };
    enter(nest.outer, scope);
    const phases = nest.phases.map((phase) => compilePhase(phase, scope));
    return sequence([...scope.lets[0], repeat(nest.outer, scope, 1, sequence(phases))]);
  }

  /** Gives each loop a depth and its variable a slot. */
  function enter(loops: readonly Loop[], { places, lets }: Scope): void {
    for (const { variable } of loops) {
      places.set(variable, { slot: newSlot(), depth: lets.length });
      lets.push([]);
    }
  }

  /** The loops around `body`, the outermost at `depth`. */
  function repeat(loops: readonly Loop[], { places, lets }: Scope, depth: number, body: Action): Action {
    return loops.reduceRight((inner, { variable, size }, k) => {
      const { slot } = places.get(variable)!;
      const once = sequence([...lets[depth + k], inner]);
      return () => {
        for (let i = 0; i < size; i++) {
          env[slot] = i;
          once();
        }
      };
    }, body);
  }

  function compilePhase({ loops, reductions, stores }: Phase, nest: Scope): Action {
    const start = nest.lets.length;
    const scope: Scope = { places: new Map(), lets: [...nest.lets, []] };
    enter(loops, scope);
    const after = scope.lets.push([]) - 1;
    const place = (e: Expr) => placeOf(e, scope, nest);
    const values = reductions.map((r) => place(r.value).slot);
    const updates = reductions.map((r, k) => {
      const slot = newSlot();
      scope.places.set(r.acc, { slot, depth: after });
      return compileUpdate(r, slot, values[k]);
    });
    const writes = stores.map((s) => compileStore(s, (e) => place(e).slot));
    const resets = reductions.map(({ acc, op, dtype }) => {
      const { slot } = scope.places.get(acc)!;
      // Later phases know it from their start.
      nest.places.set(acc, { slot, depth: start });
      return () => {
        env[slot] = reductionIdentity(op, dtype);
      };
    });
    const body = sequence([...updates, ...scope.lets[after], ...writes]);
    return sequence([...resets, ...scope.lets[start], repeat(loops, scope, start + 1, body)]);
  }

  function compileUpdate({ op, dtype }: Reduction, slot: number, value: number): Action {
    const wide = isFloat(dtype) ? 'float64' : dtype;
    const combine = makeScalarFunction(COMBINING_OP[op], wide, wide);
    if (op === 'sum' && wide === 'float64') {
      return () => {
        env[slot] += env[value];
      };
    }
    return () => {
      env[slot] = combine(env[slot], env[value], 0, 0);
    };
  }

  /** By the time of a point's first store all its values are known, so that a store cannot change what another loads. */
  function compileStore({ buffer, index, value, guard, mode }: Store, slotOf: (e: Expr) => number): Action {
    const { dtype, size } = kernel.buffers[buffer];
    const [at, from, allowed] = [slotOf(index), slotOf(value), guard && slotOf(guard)];
    const combine = mode === 'set' ? undefined : makeScalarFunction(mode, dtype, dtype);
    const half = dtype === 'float16';
    return () => {
      if (allowed !== null && env[allowed] === 0) return;
      const view = views[buffer];
      const position = env[at];
      if (!(position >= 0 && position < size)) outOfRange(position, buffer);
      const old = half ? fromHalfBits(view[position]) : view[position];
      const result = combine ? combine(old, env[from], 0, 0) : env[from];
      view[position] = half ? toHalfBits(result) : result;
    };
  }

  function outOfRange(index: number, buffer: number): never {
    const { size } = kernel.buffers[buffer];
    const name = bufferName(kernel.buffers[buffer], buffer);
    throw new ValidationError(
      `${kernel.name}: index ${index} is outside ${name}, which has ${size} elements`,
    );
  }

  /** The place of an expression; where it has none yet, it gets one and is evaluated there. */
  function placeOf(e: Expr, scope: Scope, nest: Scope): Place {
    const find = (key: Expr | number) => scope.places.get(key) ?? nest.places.get(key);
    const known = find(e);
    if (known) return known;
    const operands = e.kind === 'acc' ? [find(e.acc)!] : childrenOf(e).map((x) => placeOf(x, scope, nest));
    const place = { slot: newSlot(), depth: Math.max(0, ...operands.map((x) => x.depth)) };
    (place.depth < nest.lets.length ? nest : scope).places.set(e, place);
    const slots = operands.map((x) => x.slot);
    scope.lets[place.depth].push(
      e.kind === 'load' ? loading(e, place.slot, slots) : evaluation(e, place.slot, slots),
    );
    return place;
  }

  function loading({ buffer, dtype }: LoadExpr, slot: number, [at, allowed]: readonly number[]): Action {
    const { size } = kernel.buffers[buffer];
    const half = dtype === 'float16';
    const read = () => {
      const position = env[at];
      if (!(position >= 0 && position < size)) outOfRange(position, buffer);
      env[slot] = half ? fromHalfBits(views[buffer][position]) : views[buffer][position];
    };
    if (allowed === undefined) return read;
    return () => {
      if (env[allowed] !== 0) read();
      else env[slot] = 0;
    };
  }

  /** Puts the value of an expression into a slot, its operands being in others. */
  function evaluation(e: Expr, slot: number, [a, b = a, c = a, d = a]: readonly number[]): Action {
    const spelled = e.kind === 'op' && SPELLED[`${e.op} ${e.dtype}`];
    if (spelled) return spelled(env, slot, a, b);
    const f = meaningOf(e);
    return () => {
      env[slot] = f(env[a], env[b], env[c], env[d]);
    };
  }

  function meaningOf(e: Expr): ScalarFunction {
    if (e.kind === 'const') return () => e.value;
    if (e.kind === 'scalar') return () => scalars[e.slot];
    if (e.kind === 'acc') return roundTo(e.dtype);
    if (e.kind !== 'op')
      throw new NeuriteError(`reference: ${kernel.name} uses a variable outside of its loop`);
    if (!supported.has(e.op)) {
      throw new NeuriteError(`reference: ${kernel.name} uses ${e.op}, which capabilities exclude`);
    }
    return makeScalarFunction(e.op, e.dtype, e.args[e.op === 'where' ? 1 : 0].dtype);
  }
}

/** What inner loops are made of, written out, because V8 puts a fraction that a function returns on the heap. */
const SPELLED: Readonly<Record<string, (env: number[], slot: number, a: number, b: number) => Action>> = {
  'add float32': (env, slot, a, b) => () => {
    env[slot] = Math.fround(env[a] + env[b]);
  },
  'mul float32': (env, slot, a, b) => () => {
    env[slot] = Math.fround(env[a] * env[b]);
  },
  'add int32': (env, slot, a, b) => () => {
    env[slot] = (env[a] + env[b]) | 0;
  },
  'mul int32': (env, slot, a, b) => () => {
    env[slot] = Math.imul(env[a], env[b]);
  },
};

/** Several actions as one. */
function sequence(actions: readonly Action[]): Action {
  if (actions.length === 1) return actions[0];
  return () => {
    for (let i = 0; i < actions.length; i++) actions[i]();
  };
}
