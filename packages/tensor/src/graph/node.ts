/** The graph: immutable nodes, recorded and not run. */
import { type DType, isFloat } from '../dtype.js';
import { DeviceError } from '../errors.js';
import { NON_DIFFERENTIABLE, OP_CODE, type OpAttrs, type PrimitiveOp } from '../ops/primitives.js';
import { stats } from '../runtime/stats.js';
import { isGradEnabled } from './grad-mode.js';
import { type Hash, mix, signature } from './hash.js';
import { watched } from './observer.js';
import type { DeviceHandle, Storage } from './storage.js';

/** Called with a gradient during `backward`; may return a replacement. Gradients are tensors; the graph does not look inside. */
export type NodeHook = (gradient: never) => unknown;

/** The gradient of a call of a user-defined function, shared by its outputs: see `customFunction` in the autograd package. */
export interface NodeGradient {
  readonly name: string;
  readonly inputs: readonly Node[];
  readonly outputs: readonly Node[];
  /** Whether it reads values of the forward pass, which a backward frees. */
  readonly saves: () => boolean;
  /** Gradients of `inputs` (null: none) from the gradients of `outputs` (null where none arrived). */
  readonly backward: (gradients: never) => readonly unknown[];
  /** A `backward` without `retainGraph` went through this call. */
  consumed: boolean;
}

export class Node<O extends PrimitiveOp = PrimitiveOp> {
  /** The value, once computed. */
  storage: Storage | null = null;
  /** For a leaf that requires gradients: the `Tensor` handle whose `grad` accumulates. */
  variable: object | null = null;
  /** The `Tensor` handle that `retainGrad` was called on. */
  retainer: object | null = null;
  hooks: NodeHook[] | null = null;
  /** Gradient of a custom function; takes the place of the op's rule. */
  gradient: NodeGradient | null = null;
  /** A `backward` without `retainGraph` went through this node. */
  consumed = false;
  /** Where the op was recorded; only under `detectAnomaly`. */
  trace: string | null = null;
  /** Scratch for graph walks: the walk's number and the node's position in it. */
  mark = 0;
  index = 0;

  constructor(
    readonly op: O,
    public inputs: readonly Node[],
    readonly attrs: OpAttrs[O],
    readonly shape: readonly number[],
    readonly dtype: DType,
    public device: DeviceHandle | null,
    public requiresGrad: boolean,
    readonly hashA: number,
    readonly hashB: number,
    /** Value of a `scalar` node; a runtime argument. */
    readonly value: number,
  ) {}
}

const nonDifferentiable: ReadonlySet<PrimitiveOp> = new Set(NON_DIFFERENTIABLE);
export const NO_ATTRS = Object.freeze({}) as Readonly<Record<string, never>>;

let traceOps = false;
/** Makes every recorded node remember the stack of its creation. */
export function setTracing(on: boolean): void {
  traceOps = on;
}

let traceOfOthers: string | null = null;
/** Runs `fn` with the nodes recorded in it remembering `trace`: a gradient op belongs to the line of the op it differentiates. */
export function withTrace(trace: string, fn: () => void): void {
  const before = traceOfOthers;
  traceOfOthers = trace;
  try {
    fn();
  } finally {
    traceOfOthers = before;
  }
}

let probing: Hash | null = null;
/** What `fn` returns, and a text that stands for the ops in it: two calls with the same text record the same. Nothing is kept. */
export function probe<T>(fn: () => T): { readonly result: T; readonly structure: string } {
  const before = probing;
  const structure: Hash = { a: 1, b: 2 };
  probing = structure;
  try {
    const result = watched(null, fn);
    return { result, structure: `${structure.a},${structure.b}` };
  } finally {
    probing = before;
  }
}

/**
 * Records an op on checked inputs. The result requires gradients when grad mode is on and an input requires them.
 * Throws DeviceError when the inputs live on different devices.
 */
export function record<O extends PrimitiveOp>(
  op: O,
  inputs: readonly Node[],
  attrs: OpAttrs[O],
  shape: readonly number[],
  dtype: DType,
  value = 0,
): Node<O> {
  let device: DeviceHandle | null = null;
  let requiresGrad = false;
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i];
    if (input.requiresGrad) requiresGrad = true;
    if (input.device && input.device !== device) {
      if (device)
        throw new DeviceError(
          `${op}: inputs are on different devices: ${device.name} and ${input.device.name}; move one with to(device)`,
        );
      device = input.device;
    }
  }
  if (requiresGrad) requiresGrad = isGradEnabled() && isFloat(dtype) && !nonDifferentiable.has(op);
  const h = signature(OP_CODE[op], attrs, dtype, shape);
  if (probing) {
    mix(probing, h.a);
    mix(probing, h.b);
  } else stats.nodesRecorded++;
  const node = new Node(op, inputs, attrs, shape, dtype, device, requiresGrad, h.a, h.b, value);
  if (traceOps) node.trace = traceOfOthers ?? new Error().stack ?? null;
  return node;
}

/** A leaf with a value. */
export function leaf(storage: Storage, shape: readonly number[], device: DeviceHandle | null): Node<'data'> {
  // A value is known by its form alone, so it needs no hash.
  const node = new Node('data', [], NO_ATTRS, shape, storage.dtype, device, false, 0, 0, 0);
  node.storage = storage;
  return node;
}

/** What an op is called in messages and kernels. */
export const opName = ({ op, attrs }: Pick<Node, 'op' | 'attrs'>): string =>
  op === 'named' ? (attrs as OpAttrs['named']).op.name : op;

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let n = 1;
  for (let i = 0; i < shape.length; i++) n *= shape[i];
  return n;
}
