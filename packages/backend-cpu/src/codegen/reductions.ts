/** Accumulators: where a reduction's value lives while its loops run, and how its parts become one at the end. */
import { COMBINING_OP, DTYPES, type DType, type Reduction, reductionIdentity } from '@neurite/tensor';
import type { Context } from './context.js';
import { combineLanes } from './operations.js';
import { pushConstant } from './vector.js';

/** float16 is accumulated in float32 and rounded when stored. */
const accumulated = (dtype: DType): DType => (dtype === 'float16' ? 'float32' : dtype);

function pushIdentity(c: Context, { op, dtype }: Reduction): void {
  pushConstant(c, reductionIdentity(op, dtype), dtype);
}

/** One reduction's accumulators. */
export interface Accumulator {
  readonly reduction: Reduction;
  /** One per copy of the vector. */
  readonly copies: readonly number[];
  /** For points that fill no vector: its lane 0 counts; −1 where lanes are not combined. */
  readonly tail: number;
  /** Long float sums keep a second level, so that the rounding error grows with the square root of the length. */
  readonly totals: readonly number[];
}

export interface AccumulatorOptions {
  readonly copies: number;
  readonly tail: boolean;
  readonly twoLevels: boolean;
}

/** Declares the accumulators of a reduction and sets them to its identity. */
export function startAccumulator(c: Context, reduction: Reduction, options: AccumulatorOptions): Accumulator {
  const start = () => {
    const local = c.f.local('v128');
    pushIdentity(c, reduction);
    c.f.set(local);
    return local;
  };
  const twoLevels = options.twoLevels && reduction.op === 'sum' && DTYPES[reduction.dtype].float;
  return {
    reduction,
    copies: Array.from({ length: options.copies }, start),
    tail: options.tail ? start() : -1,
    totals: Array.from({ length: twoLevels ? options.copies : 0 }, start),
  };
}

/** target ← target op (what `push` pushes). */
function accumulate(c: Context, { op, dtype }: Reduction, target: number, push: () => void): void {
  c.f.get(target);
  push();
  combineLanes(c, COMBINING_OP[op], accumulated(dtype));
  c.f.set(target);
}

/** Adds the reduction's value at the current points. */
export function updateAccumulator(c: Context, a: Accumulator, pushValue: (copy: number) => void): void {
  for (let copy = 0; copy < c.copies; copy++) {
    const target = a.tail >= 0 && c.lanes === 1 ? a.tail : a.copies[copy];
    accumulate(c, a.reduction, target, () => pushValue(copy));
  }
}

/** Moves the first level's sums to the second. */
export function flushAccumulator(c: Context, a: Accumulator): void {
  a.totals.forEach((total, copy) => {
    accumulate(c, a.reduction, total, () => c.f.get(a.copies[copy]));
    pushIdentity(c, a.reduction);
    c.f.set(a.copies[copy]);
  });
}

/** Brings levels together; returns the final locals, still one per copy. */
export function settleAccumulator(c: Context, a: Accumulator): readonly number[] {
  if (a.totals.length === 0) return a.copies;
  flushAccumulator(c, a);
  return a.totals;
}

/** Combines copies, lanes and tail, in a fixed order, to one splat; returns its local. */
export function foldAccumulator(c: Context, a: Accumulator): number {
  const { f } = c;
  const size = a.reduction.dtype === 'float64' ? 8 : 4;
  let copies = [...settleAccumulator(c, a)];
  while (copies.length > 1) {
    const half = Math.ceil(copies.length / 2);
    for (let i = 0; i + half < copies.length; i++) {
      accumulate(c, a.reduction, copies[i], () => f.get(copies[i + half]));
    }
    copies = copies.slice(0, half);
  }
  const [result] = copies;
  const shuffled = (byte: (i: number) => number) => {
    f.get(result);
    f.get(result);
    f.shuffle(Array.from({ length: 16 }, (_, i) => byte(i)));
  };
  for (let lanes = c.width as number; lanes > 1; lanes /= 2) {
    const distance = (lanes / 2) * size;
    accumulate(c, a.reduction, result, () => shuffled((i) => i ^ distance));
  }
  if (a.tail >= 0) accumulate(c, a.reduction, result, () => f.get(a.tail));
  shuffled((i) => i % size);
  f.set(result);
  return result;
}
