/**
 * The primitive ops: what autograd differentiates and the scheduler lowers. Everything else is composed of them.
 * One list; every property of an op (shape and dtype rule in `ops/`, lowering in `schedule/`, gradient in the autograd
 * package) is a table whose type demands a row for each name.
 */
import type { TypedArray } from '../dtype.js';
import type { Node } from '../graph/node.js';

export const UNARY_OPS = [
  'neg',
  'abs',
  'sign',
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
  'round',
  'trunc',
  'erf',
  'tanh',
  'sigmoid',
  'relu',
  'not',
] as const;
export const BINARY_OPS = [
  'add',
  'sub',
  'mul',
  'div',
  'rem',
  'mod',
  'pow',
  'max',
  'min',
  'and',
  'or',
  'xor',
  'shl',
  'shr',
] as const;
export const COMPARE_OPS = ['eq', 'ne', 'lt', 'le'] as const;
export const REDUCE_OPS = ['sum', 'prod', 'amax', 'amin', 'argmax', 'argmin'] as const;
export const SCAN_OPS = ['cumsum', 'cumprod', 'cummax', 'cummin'] as const;

export type UnaryOp = (typeof UNARY_OPS)[number];
export type BinaryOp = (typeof BINARY_OPS)[number];
export type CompareOp = (typeof COMPARE_OPS)[number];
export type ReduceOpName = (typeof REDUCE_OPS)[number];
export type ScanOp = (typeof SCAN_OPS)[number];
export type ScatterMode = 'set' | 'add' | 'mul' | 'max' | 'min';

/** Geometry of a convolution of any rank; `padding` may differ at both ends and may be negative (it then crops). */
export interface ConvAttrs {
  readonly stride: readonly number[];
  /** [low, high] per spatial dimension. */
  readonly padding: readonly (readonly [number, number])[];
  /** Distance between kernel taps. */
  readonly dilation: readonly number[];
  /** Distance between input elements (zeros between them): 1, or the stride of a transposed convolution. */
  readonly inputDilation: readonly number[];
  readonly groups: number;
}

/** A user's own op: computed on the host from typed arrays. */
export interface CustomAttrs {
  readonly name: string;
  /** Receives the inputs' elements in row-major order and fills `output`. */
  readonly compute: (inputs: readonly TypedArray[], output: TypedArray) => void;
}

/**
 * An op with a name of its own: a device that has a kernel for it (`Capabilities.namedOps`) runs that, all others what it is made of.
 * Which of the two is decided when a plan is made, so the same graph runs everywhere.
 */
export interface NamedOp<P extends object = object> {
  /** What backends know it by. */
  readonly name: string;
  /** Ops with the same kernel, inputs and parameters are outputs of one kernel. */
  readonly kernel: string;
  /** The op in other ops; its numbers are constants (`full`), for it may record no runtime scalars. */
  decompose(inputs: readonly Node[], params: P): Node;
  /**
   * Gradients of the inputs that `isWanted` from that of the output, null where the decomposition's own are as good. Without it
   * all of them are the decomposition's.
   */
  gradients?(
    g: Node,
    inputs: readonly Node[],
    output: Node,
    params: P,
    isWanted: readonly boolean[],
  ): readonly (Node | null)[];
  /** Floating-point operations, as the decomposition would count them. */
  flops(inputs: readonly (readonly number[])[], params: P): number;
}

export interface NamedAttrs {
  readonly op: NamedOp;
  /** Numbers, booleans and texts: constants of the plan. */
  readonly params: object;
}

type NoAttrs = Readonly<Record<string, never>>;

/** The attributes of each op. Attributes are compile-time constants of a plan and part of its structure. */
export interface OpAttrs
  extends Record<UnaryOp | BinaryOp | CompareOp, NoAttrs>,
    Record<
      ReduceOpName,
      {
        /** Sorted, distinct; the reduced dimensions stay with size 1. argmax and argmin take exactly one. */ readonly dims: readonly number[];
      }
    >,
    Record<ScanOp, { readonly dim: number }> {
  // sources
  /** A leaf with a value in host or device memory. */
  data: NoAttrs;
  /** Every element is `value`. */
  full: { readonly value: number };
  /** A rank-0 runtime argument: its value is bound when a plan runs and is no part of the plan's structure. */
  scalar: NoAttrs;
  /** 0, 1, 2, … along `dim`. */
  iota: { readonly dim: number };
  /** uint32 bits; inputs: key (uint32 [2]-like pair of scalars k0, k1), counter (pair of scalars c0, c1): element i is Threefry(key, counter + i). */
  randomBits: NoAttrs;
  // elementwise (inputs have equal shapes)
  where: NoAttrs;
  cast: NoAttrs;
  bitcast: NoAttrs;
  // movement
  reshape: NoAttrs;
  permute: { readonly dims: readonly number[] };
  /** New dimensions in front; dimensions of size 1 are repeated. */
  expand: NoAttrs;
  /** start + i·step for 0 ≤ i < size of the result; a negative step runs backwards. */
  slice: { readonly starts: readonly number[]; readonly steps: readonly number[] };
  /** Zeros (or `value`) around: [low, high] per dimension, not negative. */
  pad: { readonly padding: readonly (readonly [number, number])[]; readonly value: number };
  concat: { readonly dim: number };
  /** The same value without its history: gradients stop here. */
  detach: NoAttrs;
  // contraction
  /** [..., m, k] @ [..., k, n], batch dimensions equal. */
  matmul: NoAttrs;
  /** input [n, g·c, x…], weight [g·o, c, t…] → [n, g·o, y…]: PyTorch's convNd (cross-correlation). */
  conv: ConvAttrs;
  // indexing
  /** input, index → out[i…] = input[i… with position `dim` replaced by index[i…]]: PyTorch's gather. Out of range: 0. */
  gather: { readonly dim: number };
  /** target, index, source → target with source combined at index along `dim`: PyTorch's scatter. Out of range: skipped. */
  scatter: { readonly dim: number; readonly mode: ScatterMode };
  /** input, index (int32 [n]) → input's slices number index[0…n−1] of `dim`: PyTorch's indexSelect. Out of range: 0. */
  indexSelect: { readonly dim: number };
  /** target, index (int32 [n]), source → PyTorch's indexAdd / indexCopy. Out of range: skipped. */
  indexScatter: { readonly dim: number; readonly mode: ScatterMode };
  /** int32 positions that sort along `dim`, stable: PyTorch's argsort. */
  argsort: { readonly dim: number; readonly descending: boolean };
  custom: CustomAttrs;
  /** An op with a decomposition, which some devices have a kernel for. */
  named: NamedAttrs;
}

export type PrimitiveOp = keyof OpAttrs;

/** Small integer per op, used in structural hashes. */
export const OP_CODE: Readonly<Record<PrimitiveOp, number>> = Object.fromEntries(
  (
    [
      'data',
      'full',
      'scalar',
      'iota',
      'randomBits',
      ...UNARY_OPS,
      ...BINARY_OPS,
      ...COMPARE_OPS,
      'where',
      'cast',
      'bitcast',
      'reshape',
      'permute',
      'expand',
      'slice',
      'pad',
      'concat',
      'detach',
      ...REDUCE_OPS,
      ...SCAN_OPS,
      'matmul',
      'conv',
      'gather',
      'scatter',
      'indexSelect',
      'indexScatter',
      'argsort',
      'custom',
      'named',
    ] satisfies PrimitiveOp[]
  ).map((op, i) => [op, i + 1]),
) as Record<PrimitiveOp, number>;

/** Ops whose output never carries a gradient, whatever goes in. */
export const NON_DIFFERENTIABLE = [
  'full',
  'scalar',
  'iota',
  'randomBits',
  'not',
  'and',
  'or',
  'xor',
  'shl',
  'shr',
  'eq',
  'ne',
  'lt',
  'le',
  'argmax',
  'argmin',
  'argsort',
  'bitcast',
  'detach',
] as const satisfies readonly PrimitiveOp[];
