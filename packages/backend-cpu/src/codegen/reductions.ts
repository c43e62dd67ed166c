/** Accumulators: where a reduction's value lives while its loops run, and how its parts become one at the end. */
import { COMBINING_OP, DTYPES, type DType, type Reduction, reductionIdentity } from '@neurite/tensor';
import type { PlainOp } from '../wasm/encoder.js';
import type { Context } from './context.js';
import { combineLanes, lanesOf } from './operations.js';
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
  /**
   * For largest and smallest floats: per copy, whether there was a NaN. Machines have an instruction that drops NaN, and take
   * four times as long over one that does not.
   */
  readonly nans: readonly number[];
}

export interface AccumulatorOptions {
  /** Whether the running value is read, which must be right at every point then. */
  readonly ordered: boolean;
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
  const { float } = DTYPES[reduction.dtype];
  const twoLevels = options.twoLevels && reduction.op === 'sum' && float;
  const apart = !options.ordered && float && (reduction.op === 'max' || reduction.op === 'min');
  return {
    reduction,
    copies: Array.from({ length: options.copies }, start),
    tail: options.tail ? start() : -1,
    totals: Array.from({ length: twoLevels ? options.copies : 0 }, start),
    nans: Array.from({ length: apart ? options.copies : 0 }, () => {
      const local = c.f.local('v128');
      c.f.i32x4(0);
      c.f.set(local);
      return local;
    }),
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
  const tail = a.tail >= 0 && c.lanes === 1;
  for (let copy = 0; copy < c.copies; copy++) {
    if (a.nans.length > 0 && !tail) accumulateExtreme(c, a, copy, pushValue);
    else accumulate(c, a.reduction, tail ? a.tail : a.copies[copy], () => pushValue(copy));
  }
}

/** The larger or smaller of accumulator and value, NaN noted apart. */
function accumulateExtreme(
  c: Context,
  { reduction, copies, nans }: Accumulator,
  copy: number,
  pushValue: (copy: number) => void,
): void {
  const { f } = c;
  const lanes = lanesOf(accumulated(reduction.dtype));
  const value = f.local('v128');
  f.get(copies[copy]);
  pushValue(copy);
  f.tee(value);
  f.op(`${lanes}.p${reduction.op}` as PlainOp);
  f.set(copies[copy]);
  f.get(nans[copy]);
  f.get(value);
  f.get(value);
  f.op(`${lanes}.ne`);
  f.op('v128.or');
  f.set(nans[copy]);
}

/** Moves the first level's sums to the second. */
export function flushAccumulator(c: Context, a: Accumulator): void {
  a.totals.forEach((total, copy) => {
    accumulate(c, a.reduction, total, () => c.f.get(a.copies[copy]));
    pushIdentity(c, a.reduction);
    c.f.set(a.copies[copy]);
  });
}

/** Brings levels together, and NaN back; returns the final locals, still one per copy. */
export function settleAccumulator(c: Context, a: Accumulator): readonly number[] {
  a.nans.forEach((nan, copy) => {
    // A mask of ones is a NaN.
    c.f.get(a.copies[copy]);
    c.f.get(nan);
    c.f.op('v128.or');
    c.f.set(a.copies[copy]);
  });
  if (a.totals.length === 0) return a.copies;
  flushAccumulator(c, a);
  return a.totals;
}

/** Combines copies, lanes and tail, in a fixed order, to one splat; returns its local. */
export function foldAccumulator(c: Context, a: Accumulator): number {
  const { f } = c;
  const { op, dtype } = a.reduction;
  const size = dtype === 'float64' ? 8 : 4;
  const apart = a.nans.length > 0;
  // NaN stays apart to the end.
  let copies = apart ? [...a.copies] : [...settleAccumulator(c, a)];
  const combine = (target: number, push: () => void) => {
    if (!apart) return accumulate(c, a.reduction, target, push);
    f.get(target);
    push();
    f.op(`${lanesOf(accumulated(dtype))}.p${op}` as PlainOp);
    f.set(target);
  };
  while (copies.length > 1) {
    const half = Math.ceil(copies.length / 2);
    for (let i = 0; i + half < copies.length; i++) combine(copies[i], () => f.get(copies[i + half]));
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
    combine(result, () => shuffled((i) => i ^ distance));
  }
  if (apart) bringNaNBack(c, a, result);
  if (a.tail >= 0) accumulate(c, a.reduction, result, () => f.get(a.tail));
  shuffled((i) => i % size);
  f.set(result);
  return result;
}

/** Makes `result` a NaN if there was one in a lane that counts. */
function bringNaNBack({ f, width }: Context, { nans, reduction }: Accumulator, result: number): void {
  f.get(result);
  f.get(nans[0]);
  for (const nan of nans.slice(1)) {
    f.get(nan);
    f.op('v128.or');
  }
  f.op('i32x4.bitmask');
  if (width === 2 && reduction.dtype !== 'float64') {
    f.i32(3);
    f.op('i32.and');
  }
  // 0, or the mask of ones, which is a NaN.
  f.op('i32.eqz');
  f.i32(1);
  f.op('i32.sub');
  f.op('i32x4.splat');
  f.op('v128.or');
  f.set(result);
}
