/**
 * The reference backend: plain JavaScript that interprets kernels, and the definition of what they mean. It has no tuned
 * program. Expressions become closures; a subexpression is evaluated once per iteration of the innermost loop that it
 * depends on. Float reductions accumulate in float64 and are rounded at the end.
 */
import {
  DTYPE_NAMES,
  DTYPES,
  type DType,
  fromHalfBits,
  isFloat,
  type TypedArray,
  toHalfBits,
} from '../dtype.js';
import { NeuriteError, OutOfMemoryError, ValidationError } from '../errors.js';
import { type AffineForm, affineOf } from '../kernel/affine.js';
import { childrenOf } from '../kernel/expr.js';
import {
  type Expr,
  type Kernel,
  type LoadExpr,
  type Loop,
  type Nest,
  type Phase,
  type ReduceOp,
  SCALAR_OPS,
  type Store,
  type VarExpr,
} from '../kernel/ir.js';
import { bufferName, printKernel } from '../kernel/print.js';
import { COMBINING_OP, reductionIdentity } from '../kernel/reduce.js';
import { makeScalarFunction, roundTo } from '../kernel/scalar.js';
import { countUses, phaseRoots } from '../kernel/traverse.js';
import type { Backend, BackendFactory, Capabilities, Command, DeviceBuffer, Program } from './interface.js';

/** Limits to pretend, so that tests can force a split, a lowering or an out-of-memory. */
export type ReferenceOptions = Partial<Capabilities>;

/** The reference backend for `use(...)` and `validateWith`. */
export function reference(options: ReferenceOptions = {}): BackendFactory {
  return { name: 'reference', start: () => ({ backend: referenceBackend(options), notes: ['interpreter'] }) };
}

interface HostBuffer extends DeviceBuffer {
  /** Undefined once freed. */
  data: Uint8Array | undefined;
}

interface Interpreted extends Program {
  readonly run: (views: readonly TypedArray[], scalars: readonly number[]) => void;
}

function referenceBackend(options: ReferenceOptions): Backend {
  const capabilities: Capabilities = {
    dtypes: DTYPE_NAMES,
    scalarOps: new Set(SCALAR_OPS),
    maxBuffers: 1024,
    maxBufferBytes: 2 ** 31,
    memoryBudget: 2 ** 31,
    arena: true,
    alignment: 8,
    ...options,
  };
  let live = 0;

  function dataOf(buffer: DeviceBuffer): Uint8Array {
    const { data } = buffer as HostBuffer;
    if (!data) throw new ValidationError('reference: a freed buffer is used');
    return data;
  }

  function run({ program, buffers, scalars }: Command): void {
    const { kernel } = program;
    if (buffers.length !== kernel.buffers.length || scalars.length !== kernel.scalars.length) {
      throw new ValidationError(
        `${kernel.name}: given ${buffers.length} buffers and ${scalars.length} scalars, takes ` +
          `${kernel.buffers.length} and ${kernel.scalars.length}`,
      );
    }
    const views = kernel.buffers.map(({ dtype, size }, i) => {
      const { array, bytes } = DTYPES[dtype];
      const { buffer, byteOffset } = buffers[i];
      const data = dataOf(buffer);
      if (byteOffset % capabilities.alignment !== 0 || byteOffset + size * bytes > data.length) {
        throw new ValidationError(
          `${kernel.name}: buffer ${i} needs ${size * bytes} bytes at offset ${byteOffset} (a multiple of ` +
            `${capabilities.alignment}) of a buffer of ${data.length}`,
        );
      }
      return new array(data.buffer, data.byteOffset + byteOffset, size);
    });
    (program as Interpreted).run(views, scalars);
  }

  return {
    name: 'reference',
    capabilities,
    allocate(bytes) {
      if (bytes > capabilities.maxBufferBytes || live + bytes > capabilities.memoryBudget) {
        throw new OutOfMemoryError(
          `reference: ${bytes} bytes asked for, ${live} of ${capabilities.memoryBudget} in use, largest buffer ` +
            `${capabilities.maxBufferBytes}`,
        );
      }
      live += bytes;
      // Not zeros: a kernel that reads what nothing wrote should be seen (NaN in every float dtype).
      return { bytes, data: new Uint8Array(bytes).fill(255) } as HostBuffer;
    },
    free(buffer) {
      dataOf(buffer);
      live -= buffer.bytes;
      (buffer as HostBuffer).data = undefined;
    },
    write: (buffer, byteOffset, bytes) => dataOf(buffer).set(bytes, byteOffset),
    read: async (buffer, byteOffset, byteLength) => dataOf(buffer).slice(byteOffset, byteOffset + byteLength),
    compile: (kernel): Interpreted => ({
      kernel,
      source: printKernel(kernel),
      run: interpret(kernel, capabilities),
    }),
    submit: (commands) => commands.forEach(run),
    synchronize: async () => {},
    destroy() {},
  };
}

type Evaluate = () => number;
type Action = () => void;

/**
 * Where something is known. Depth 0 is the start of a nest, then come its outer loops, the start of a phase, the
 * phase's loops, and last, in an ordered phase, the time when its reductions have taken in the current point.
 */
interface Place {
  readonly slot: number;
  readonly depth: number;
}

interface Scope {
  readonly variables: Map<VarExpr, Place>;
  /** Subexpressions (and partial sums of indices, by text) that have a slot. */
  readonly slots: Map<Expr | string, number>;
  /** What is evaluated at each depth, in order. */
  readonly lets: Action[][];
}

/** A kernel as a function of its arguments. Throws NeuriteError for what the capabilities exclude. */
function interpret(kernel: Kernel, capabilities: Capabilities): Interpreted['run'] {
  const demand = (allowed: boolean, what: string) => {
    if (!allowed)
      throw new NeuriteError(`reference: ${kernel.name} needs ${what}, which capabilities exclude`);
  };
  demand(kernel.buffers.length <= capabilities.maxBuffers, `${kernel.buffers.length} buffers`);
  for (const { dtype } of kernel.buffers) demand(capabilities.dtypes.includes(dtype), dtype);

  // Whatever has a value while the kernel runs has a slot here; NaN keeps V8's array one of doubles.
  const env: number[] = [];
  const newSlot = () => env.push(Number.NaN) - 1;
  let views: readonly TypedArray[] = [];
  let scalars: readonly number[] = [];

  const nests = kernel.nests.map(compileNest);
  return (boundViews, boundScalars) => {
    views = boundViews;
    scalars = boundScalars.map((value, i) => roundTo(kernel.scalars[i])(value));
    perform(nests);
  };

  function compileNest(nest: Nest): Action {
    const scope: Scope = { variables: new Map(), slots: new Map(), lets: [[]] };
    const accs = new Map<number, Place & { readonly dtype: DType }>();
    const loops = enter(nest.outer, scope);
    const phases = nest.phases.map((phase) => compilePhase(phase, scope, accs));
    const body = repeat(loops, () => perform(phases));
    return () => {
      perform(scope.lets[0]);
      body();
    };
  }

  function enter(loops: readonly Loop[], { variables, lets }: Scope) {
    return loops.map(({ variable, size }) => {
      const slot = newSlot();
      variables.set(variable, { slot, depth: lets.length });
      const start: Action[] = [];
      lets.push(start);
      return { slot, size, start };
    });
  }

  function repeat(loops: ReturnType<typeof enter>, body: Action): Action {
    return loops.reduceRight(
      (inner, { slot, size, start }) =>
        () => {
          for (let i = 0; i < size; i++) {
            env[slot] = i;
            perform(start);
            inner();
          }
        },
      body,
    );
  }

  function compilePhase(phase: Phase, nest: Scope, accs: Map<number, Place & { dtype: DType }>): Action {
    const start: Action[] = [];
    const startDepth = nest.lets.length;
    const scope: Scope = {
      variables: new Map(nest.variables),
      slots: new Map(),
      lets: [...nest.lets, start],
    };
    const loops = enter(phase.loops, scope);
    const depth = scope.lets.length - 1;
    const updated: Action[] = [];
    scope.lets.push(updated);
    const evaluate = expressionCompiler(phase, nest, scope, accs);

    const updates = phase.reductions.map(({ acc, op, dtype, value }) => {
      const slot = newSlot();
      const next = evaluate(value, depth);
      const combine = combination(op, dtype);
      accs.set(acc, { slot, depth: depth + 1, dtype });
      const reset = () => {
        env[slot] = reductionIdentity(op, dtype);
      };
      const update = () => {
        env[slot] = combine(env[slot], next());
      };
      return { acc, reset, update };
    });
    const resets = updates.map((u) => u.reset);
    const steps = updates.map((u) => u.update);
    const stores = compileStores(phase.stores, (e) => evaluate(e, phase.ordered ? depth + 1 : depth));
    // In the phases after this one, its reductions are known from the start.
    for (const { acc } of updates) accs.set(acc, { ...accs.get(acc)!, depth: startDepth });

    const body = repeat(loops, () => {
      perform(steps);
      perform(updated);
      stores();
    });
    return () => {
      perform(resets);
      perform(start);
      body();
    };
  }

  /** All values of a point are computed before the first is stored: a later one may load what an earlier one overwrites. */
  function compileStores(stores: readonly Store[], evaluate: (e: Expr) => Evaluate): Action {
    const compiled = stores.map(({ buffer, index, value, guard, mode }) => {
      const { dtype, size } = kernel.buffers[buffer];
      const encode = dtype === 'float16' ? toHalfBits : (x: number) => x;
      const decode = dtype === 'float16' ? fromHalfBits : (x: number) => x;
      const combine = mode === 'set' ? undefined : makeScalarFunction(mode, dtype, dtype);
      const [at, next, allowed] = [evaluate(index), evaluate(value), guard && evaluate(guard)];
      let position = 0;
      let pending = 0;
      const prepare = () => {
        position = allowed && allowed() === 0 ? -1 : checked(at(), buffer, size);
        if (position >= 0) pending = next();
      };
      const write = () => {
        if (position < 0) return;
        const view = views[buffer];
        view[position] = encode(combine ? combine(decode(view[position]), pending, 0, 0) : pending);
      };
      return { prepare, write };
    });
    const prepares = compiled.map((c) => c.prepare);
    const writes = compiled.map((c) => c.write);
    return () => {
      perform(prepares);
      perform(writes);
    };
  }

  function checked(index: number, buffer: number, size: number): number {
    if (index >= 0 && index < size) return index;
    const name = bufferName(kernel.buffers[buffer], buffer);
    throw new ValidationError(
      `${kernel.name}: index ${index} is outside ${name}, which has ${size} elements`,
    );
  }

  /** Makes closures of a phase's expressions: `evaluate(e, at)` is to be called at depth `at`. */
  function expressionCompiler(
    phase: Phase,
    nest: Scope,
    scope: Scope,
    accs: ReadonlyMap<number, Place & { readonly dtype: DType }>,
  ): (e: Expr, at: number) => Evaluate {
    const uses = countUses(phaseRoots(phase));
    const depths = new Map<Expr, number>();

    function depthOf(e: Expr): number {
      if (e.kind === 'var') return scope.variables.get(e)!.depth;
      if (e.kind === 'acc') return accs.get(e.acc)!.depth;
      const known = depths.get(e) ?? Math.max(0, ...childrenOf(e).map(depthOf));
      depths.set(e, known);
      return known;
    }

    /** The slot of a value that is computed once per iteration at `depth`. */
    function slotFor(key: Expr | string, depth: number, make: () => Evaluate): number {
      const { slots } = depth < nest.lets.length ? nest : scope;
      const known = slots.get(key);
      if (known !== undefined) return known;
      const value = make();
      const slot = newSlot();
      scope.lets[depth].push(() => {
        env[slot] = value();
      });
      slots.set(key, slot);
      return slot;
    }

    function evaluate(e: Expr, at: number): Evaluate {
      if (e.kind === 'const') return () => e.value;
      if (e.kind === 'scalar') return () => scalars[e.slot];
      const depth = depthOf(e);
      if (e.kind !== 'var' && depth === at && uses.get(e) === 1) return build(e, depth);
      const slot = e.kind === 'var' ? scope.variables.get(e)!.slot : slotFor(e, depth, () => build(e, depth));
      return () => env[slot];
    }

    function build(e: Expr, depth: number): Evaluate {
      if (e.kind === 'acc') {
        const { slot, dtype } = accs.get(e.acc)!;
        const round = roundTo(dtype);
        return () => round(env[slot]);
      }
      if (e.kind === 'load') return buildLoad(e, depth);
      if (e.kind !== 'op') return evaluate(e, depth);
      demand(capabilities.scalarOps.has(e.op), e.op);
      const affine = e.dtype === 'int32' ? affineOf(e) : undefined;
      if (affine) return buildAffine(affine);
      const [a, b, c, d] = e.args.map((arg) => evaluate(arg, depth));
      if (e.op === 'where') return () => (a() !== 0 ? b() : c());
      const f = makeScalarFunction(e.op, e.dtype, e.args[0].dtype);
      if (!b) return () => f(a(), 0, 0, 0);
      if (!d) return () => f(a(), b(), 0, 0);
      return () => f(a(), b(), c(), d());
    }

    function buildLoad({ buffer, index, guard }: LoadExpr, depth: number): Evaluate {
      const { dtype, size } = kernel.buffers[buffer];
      const at = evaluate(index, depth);
      const element = () => views[buffer][checked(at(), buffer, size)];
      const value = dtype === 'float16' ? () => fromHalfBits(element()) : element;
      if (!guard) return value;
      const allowed = evaluate(guard, depth);
      return () => (allowed() !== 0 ? value() : 0);
    }

    /** An index as a sum with one term per depth: each but the innermost is added where its variable changes. */
    function buildAffine({ constant, terms }: AffineForm): Evaluate {
      const places = [...terms].map(([variable, factor]) => ({ ...scope.variables.get(variable)!, factor }));
      places.sort((a, b) => a.depth - b.depth);
      let key = `${constant}`;
      let value: Evaluate = () => constant;
      let known = 0;
      for (const { slot, depth, factor } of places) {
        const base = slotFor(key, known, constantly(value));
        key += ` + ${factor} * slot ${slot}`;
        value = () => env[base] + factor * env[slot];
        known = depth;
      }
      return value;
    }

    return evaluate;
  }
}

const constantly =
  <T>(value: T) =>
  () =>
    value;

function perform(actions: readonly Action[]): void {
  for (let i = 0; i < actions.length; i++) actions[i]();
}

function combination(op: ReduceOp, dtype: DType): (a: number, b: number) => number {
  if (op === 'sum' && isFloat(dtype)) return (a, b) => a + b;
  if (op === 'prod' && isFloat(dtype)) return (a, b) => a * b;
  const f = makeScalarFunction(COMBINING_OP[op], dtype, dtype);
  return (a, b) => f(a, b, 0, 0);
}
