/**
 * The kernel language: what the scheduler writes and what a backend compiles. Kernels are plain records; `printKernel`
 * shows any of them. The reference backend (`backend/reference.ts`) is its meaning.
 *
 * A kernel is a list of independent loop nests. For every point of a nest's `outer` loops, in any order and in parallel,
 * its phases run one after another. A phase iterates over its own loops; at each point it first updates its reductions,
 * then performs its stores. An `acc` holds a reduction's final value in later phases. In an `ordered` phase the points
 * are visited in row-major order and an `acc` of the phase itself is the running value, this point included (a scan).
 * Nothing stored by a kernel is loaded by the same kernel, with one exception: a `readwrite` buffer whose every load in
 * the nest has the very index at which the same point stores (an in-place update); loads of a point come before its stores.
 */
import type { DType } from '../dtype.js';

/** Scalar operations on one element. Arguments have one dtype, and so has the result, unless said otherwise. */
export const SCALAR_OPS = [
  // unary
  'neg',
  'abs',
  'sign' /* 0 for NaN */,
  'exp',
  'log',
  'expm1',
  'log1p',
  'sin',
  'cos',
  'atan',
  'sqrt',
  'reciprocal',
  'floor',
  'ceil',
  'round' /* half to even */,
  'trunc',
  'erf',
  'tanh',
  'sigmoid',
  'not' /* logical for bool, bitwise for integers */,
  // binary
  'add',
  'sub',
  'mul',
  'div' /* integers: truncated; 0 where the divisor is 0, and so are rem and mod */,
  'rem' /* truncated, sign of the dividend */,
  'mod' /* floored, sign of the divisor */,
  'pow',
  'max',
  'min' /* both propagate NaN */,
  'eq',
  'ne',
  'lt',
  'le' /* → bool */,
  'and',
  'or',
  'xor' /* logical for bool, bitwise for integers */,
  'shl',
  'shr' /* arithmetic for signed types; counts of shl and shr are 0 … bits − 1 */,
  // others
  'where' /* (bool, a, b) → a or b */,
  'cast' /* to the expression's dtype: float → integer truncates and saturates, NaN → 0; anything ≠ 0 → true */,
  'bitcast' /* same size, same bits */,
  'randomBits' /* (key0, key1, counter0, counter1: uint32) → uint32: first word of Threefry-2x32-20 */,
] as const;

export type ScalarOp = (typeof SCALAR_OPS)[number];

/** A typed scalar expression. Nodes are interned: within one kernel, equal expressions are the same object. */
export type Expr = ConstExpr | VarExpr | ScalarExpr | LoadExpr | AccExpr | OpExpr;

interface ExprBase {
  readonly dtype: DType;
  /** Unique within the interner that made it; equal ids mean equal expressions. */
  readonly id: number;
}
/** A literal; a bool is 0 or 1. */
export interface ConstExpr extends ExprBase {
  readonly kind: 'const';
  readonly value: number;
}
/** A loop variable: int32, from 0 to the loop's size − 1. */
export interface VarExpr extends ExprBase {
  readonly kind: 'var';
  readonly name: string;
  readonly size: number;
}
/** A runtime scalar: the kernel's `scalars[slot]`. */
export interface ScalarExpr extends ExprBase {
  readonly kind: 'scalar';
  readonly slot: number;
}
/**
 * One element of a buffer. Where `guard` is false nothing is read and the value is 0.
 * `index` is int32, in elements, and in range wherever `guard` holds.
 */
export interface LoadExpr extends ExprBase {
  readonly kind: 'load';
  readonly buffer: number;
  readonly index: Expr;
  readonly guard: Expr | null;
}
/** The value of a reduction. */
export interface AccExpr extends ExprBase {
  readonly kind: 'acc';
  readonly acc: number;
}
export interface OpExpr extends ExprBase {
  readonly kind: 'op';
  readonly op: ScalarOp;
  readonly args: readonly Expr[];
}

export interface Loop {
  readonly variable: VarExpr;
  readonly size: number;
}

export type ReduceOp = 'sum' | 'prod' | 'max' | 'min';

/** acc ← acc op value; starts at the identity of `op` for its dtype (bool: max = any, min = all). */
export interface Reduction {
  readonly acc: number;
  readonly op: ReduceOp;
  readonly dtype: DType;
  readonly value: Expr;
}

/** Writes one element, or combines it with what is there (`add`, `mul`, `max`, `min`). Skipped where `guard` is false. */
export interface Store {
  readonly buffer: number;
  readonly index: Expr;
  readonly value: Expr;
  readonly mode: 'set' | 'add' | 'mul' | 'max' | 'min';
  readonly guard: Expr | null;
}

export interface Phase {
  readonly loops: readonly Loop[];
  readonly ordered: boolean;
  readonly reductions: readonly Reduction[];
  readonly stores: readonly Store[];
}

/** A nest. Two points of `outer` never store to the same element. */
export interface Nest {
  readonly outer: readonly Loop[];
  readonly phases: readonly Phase[];
  /**
   * Set where the first phase is a contraction of two affine operands: its only reduction is Σ lhs·rhs, and every later
   * phase is an epilogue without loops. A backend may run a tuned program instead of the loops.
   */
  readonly contraction: Contraction | null;
}

/** Element `offset + Σ stride·variable` of a buffer. */
export interface Affine<Strides> {
  readonly buffer: number;
  readonly offset: number;
  readonly strides: Strides;
}

export type Contraction = MatmulContraction | ConvContraction;

/** acc[b…, m, n] = Σ_k lhs[b…, m, k]·rhs[b…, k, n]. The nest's outer loops are batch…, m, n in this order (sizes of 1 included). */
export interface MatmulContraction {
  readonly op: 'matmul';
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly lhs: Affine<{ readonly batch: readonly number[]; readonly m: number; readonly k: number }>;
  readonly rhs: Affine<{ readonly batch: readonly number[]; readonly k: number; readonly n: number }>;
}

/**
 * acc[n, g, o, y…] = Σ_{c, t…} input[n, g, c, x…]·weight[g, o, c, t…], where for each spatial dimension
 * p = y·stride + t·dilation − padding and x = p / inputDilation; the term is 0 where p is negative, not a multiple of
 * inputDilation, or x ≥ inputSize. The nest's outer loops are n, g, o, y… in this order (sizes of 1 included), the phase's are c, t….
 */
export interface ConvContraction {
  readonly op: 'conv';
  readonly batch: number;
  readonly groups: number;
  readonly outChannels: number;
  readonly inChannels: number;
  readonly outputSize: readonly number[];
  readonly inputSize: readonly number[];
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly inputDilation: readonly number[];
  readonly input: Affine<{
    readonly batch: number;
    readonly group: number;
    readonly channel: number;
    readonly spatial: readonly number[];
  }>;
  readonly weight: Affine<{
    readonly group: number;
    readonly out: number;
    readonly channel: number;
    readonly kernel: readonly number[];
  }>;
}

/** Elements `offset + Σ stride·index` of a buffer, for all indices below `shape`. */
export interface View extends Affine<readonly number[]> {
  readonly shape: readonly number[];
}

/**
 * What a kernel without nests computes: named ops as a whole (see `NamedOp`). A device gets only those that its `namedOps` take, and only
 * through `specialize`. `backend/attention.ts` is the meaning of those that there are.
 */
export interface NamedKernel {
  /** `NamedOp.kernel`. */
  readonly op: string;
  readonly params: object;
  readonly inputs: readonly View[];
  /** Where the value of the op of each name goes. */
  readonly outputs: readonly (View & { readonly name: string })[];
  /** Work, in floating-point operations. */
  readonly flops: number;
}

/** A buffer argument: `size` in elements. */
export interface BufferArg {
  readonly dtype: DType;
  readonly size: number;
  readonly access: 'read' | 'write' | 'readwrite';
}

export interface Kernel {
  /** Readable, made from the ops that it computes: `matmul_add_relu`. */
  readonly name: string;
  readonly buffers: readonly BufferArg[];
  readonly scalars: readonly DType[];
  readonly nests: readonly Nest[];
  /** Set where the kernel is not loops but a named op: `nests` is empty. */
  readonly named?: NamedKernel;
}
