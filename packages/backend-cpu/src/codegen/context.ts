/**
 * State while a nest is being written. Values live in two worlds. In the vector world every expression is one `v128`:
 * 32-bit lanes (two of them used when the nest has float64), 64-bit lanes for float64, −1/0 lanes for bool; a value that
 * is the same in all lanes is a splat, and where only one point is left, lane 0 alone counts, so a tail computes the same
 * bits as a full vector. In the scalar world integers and bools are `i32`: addresses, guards, integer division.
 *
 * One iteration may cover several copies of the vector, next to each other along the lane variable.
 */
import {
  childrenOf,
  type DType,
  type Expr,
  type Kernel,
  linearOf,
  type OpExpr,
  type VarExpr,
} from '@neurite/tensor';
import type { ArgumentLayout } from '../program.js';
import type { FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';

export interface Pointer {
  readonly local: number;
  /** Bytes that it moves when the loop variable moves by one. */
  readonly stride: number;
}

/** Values known between the start and the end of a loop body. */
interface Scope {
  readonly values: Map<string, number>;
  /** Byte addresses that move with the innermost loop, by buffer and index. */
  readonly pointers: Map<string, Pointer>;
}

/** A buffer in working memory: each call has its own `scratch`, all calls of a run have one `shared`. */
export interface WorkingBuffer {
  readonly memory: 'scratch' | 'shared';
  /** Bytes from its start. */
  readonly offset: number;
}

/** Everything that the emitters of one nest share. */
export interface Context {
  readonly module: ModuleBuilder;
  readonly f: FunctionBuilder;
  readonly kernel: Kernel;
  readonly layout: ArgumentLayout;
  /** The kernel's buffers beyond those of the layout. */
  readonly working: readonly WorkingBuffer[];
  /** Local that holds the address of the argument block. */
  readonly args: number;
  /** Lanes of a full vector: 2 where float64 occurs, else 4. */
  readonly width: 2 | 4;
  /** The variable that lanes spread over; null where the code handles one point. */
  lane: VarExpr | null;
  /** Points per vector now: `width`, or 1 in a tail. */
  lanes: number;
  /** Vectors per iteration now. */
  copies: number;
  /** Write the code of transcendental functions in place rather than call it. */
  readonly inlineMath: boolean;
  /** Whether reductions differ by lane (lanes spread over an outer loop). */
  readonly accsVary: boolean;
  readonly variables: Map<VarExpr, number>;
  /** Locals of each reduction, one per copy, or one splat. */
  readonly accs: Map<number, readonly number[]>;
  readonly bases: Map<number, number>;
  readonly scopes: Scope[];
  /** How often each expression of the current phase is used. */
  uses: ReadonlyMap<Expr, number>;
  /** Expressions known to be at most 0, or NaN. */
  readonly negative: ReadonlySet<Expr>;
  /** Expressions that depend on the lane variable; kept by `varies`. */
  varying: Map<Expr, boolean>;
  /** The emitters of the two worlds, which need each other. */
  readonly pushScalar: (c: Context, e: Expr, offset: number) => void;
  readonly pushVector: (c: Context, e: Expr, copy: number) => void;
}

export function pushScope(c: Context): void {
  c.scopes.push({ values: new Map(), pointers: new Map() });
}

export function popScope(c: Context): void {
  c.scopes.pop();
}

/** Sets what lanes stand for; only right after `pushScope`, as known values keep their lanes. */
export function setLanes(c: Context, lane: VarExpr | null, lanes: number, copies: number): void {
  if (c.lane !== lane) c.varying = new Map();
  c.lane = lane;
  c.lanes = lane ? lanes : 1;
  c.copies = lane ? copies : 1;
}

export function knownValue(c: Context, key: string): number | undefined {
  for (let i = c.scopes.length - 1; i >= 0; i--) {
    const local = c.scopes[i]!.values.get(key);
    if (local !== undefined) return local;
  }
  return undefined;
}

export function remember(c: Context, key: string, local: number): void {
  c.scopes[c.scopes.length - 1]!.values.set(key, local);
}

export function pointerTo(c: Context, key: string): Pointer | undefined {
  for (let i = c.scopes.length - 1; i >= 0; i--) {
    const pointer = c.scopes[i]!.pointers.get(key);
    if (pointer) return pointer;
  }
  return undefined;
}

export const vectorKey = (c: Context, e: Expr, copy: number): string => `v${e.id}:${varies(c, e) ? copy : 0}`;
export const scalarKey = (c: Context, e: Expr, offset: number): string =>
  `s${e.id}:${varies(c, e) ? offset : 0}`;
export const pointerKey = (buffer: number, index: Expr): string => `${buffer}:${index.id}`;

/** Whether lanes differ in the value of `e`. */
export function varies(c: Context, e: Expr): boolean {
  if (!c.lane) return false;
  const stack = [e];
  while (stack.length) {
    const top = stack[stack.length - 1]!;
    if (c.varying.has(top)) {
      stack.pop();
      continue;
    }
    const children = childrenOf(top);
    const pending = children.filter((child) => !c.varying.has(child));
    if (pending.length) {
      stack.push(...pending);
      continue;
    }
    const own = top === c.lane || (top.kind === 'acc' && c.accsVary);
    c.varying.set(top, own || children.some((child) => c.varying.get(child)));
    stack.pop();
  }
  return c.varying.get(e)!;
}

/** Elements that `index` moves when `variable` moves by one; undefined where that is not constant. */
export function strideOf(index: Expr, variable: VarExpr): number | undefined {
  const { terms } = linearOf(index);
  for (const atom of terms.keys()) if (atom !== variable && contains(atom, variable)) return undefined;
  return terms.get(variable) ?? 0;
}

const containment = new WeakMap<VarExpr, WeakMap<Expr, boolean>>();

/** Whether `e` may change with `variable`: it occurs in `e`, or a reduction does, which differs from point to point. */
export function contains(e: Expr, variable: VarExpr): boolean {
  const known = containment.get(variable) ?? new WeakMap<Expr, boolean>();
  containment.set(variable, known);
  const stack = [e];
  while (stack.length) {
    const top = stack[stack.length - 1]!;
    const children = childrenOf(top);
    const pending = known.has(top) ? [] : children.filter((child) => !known.has(child));
    if (pending.length) {
      stack.push(...pending);
      continue;
    }
    if (!known.has(top))
      known.set(top, top === variable || top.kind === 'acc' || children.some((child) => known.get(child)));
    stack.pop();
  }
  return known.get(e)!;
}

/** Elements between neighbouring lanes of an access; 0 where all lanes share it. */
export function laneStride(c: Context, index: Expr): number | undefined {
  return c.lane ? strideOf(index, c.lane) : 0;
}

/** Whether a load of lanes that are `stride` elements apart is whole vectors and a shuffle: backward, or every second one. */
export const isShuffled = (stride: number, bytes: number, lanes: number): boolean =>
  bytes === 4 && (stride === -1 || (stride === 2 && lanes === 4));

/** Whether `index` changes with `variable` as its half does: neighbours from an even point on share elements two by two. */
export function isPaired(index: Expr, variable: VarExpr): boolean {
  const varying = [...linearOf(index).terms].filter(([atom]) => contains(atom, variable));
  const [atom, factor] = varying[0] ?? [];
  if (varying.length !== 1 || factor !== 1 || atom?.kind !== 'op' || atom.op !== 'div') return false;
  const [x, y] = atom.args;
  return x === variable && y.kind === 'const' && y.value === 2;
}

/** n where `e` is the quotient or remainder of a loop's variable, which is not negative, by 2ⁿ. */
export function bitsOfPlace(e: OpExpr): number | undefined {
  const [x, y] = e.args;
  if (!['div', 'rem', 'mod'].includes(e.op) || x.kind !== 'var' || y.kind !== 'const') return undefined;
  const bits = Math.log2(y.value);
  return Number.isInteger(bits) && bits >= 0 ? bits : undefined;
}

export const isInt = (dtype: DType): boolean => dtype !== 'bool' && !dtype.startsWith('float');
