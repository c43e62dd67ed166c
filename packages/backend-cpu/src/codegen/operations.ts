/** The scalar ops as vector instructions. */
import { DTYPES, type DType, type OpExpr, type ScalarOp } from '@neurite/tensor';
import { isSmallAngle } from '../math/angles.js';
import { inlineMath, MATH, type MathName, mathFunction } from '../math/index.js';
import { rare } from '../rare.js';
import type { PlainOp } from '../wasm/encoder.js';
import { bitsOfPlace, type Context, varies } from './context.js';
import { castLanes, narrowMask, roundToHalf, widenMask, wrapLanes } from './convert.js';
import { randomBits } from './helpers.js';

type Lanes = 'f32x4' | 'f64x2' | 'i32x4';

/** Ops with one instruction for both float formats. */
const FLOAT_INSTRUCTION: Partial<Record<ScalarOp, string>> = {
  neg: 'neg',
  abs: 'abs',
  sqrt: 'sqrt',
  floor: 'floor',
  ceil: 'ceil',
  trunc: 'trunc',
  round: 'nearest',
  add: 'add',
  sub: 'sub',
  mul: 'mul',
  div: 'div',
  max: 'max',
  min: 'min',
  eq: 'eq',
  ne: 'ne',
  lt: 'lt',
  le: 'le',
};

const INTEGER_INSTRUCTION: Partial<Record<ScalarOp, PlainOp>> = {
  neg: 'i32x4.neg',
  abs: 'i32x4.abs',
  add: 'i32x4.add',
  sub: 'i32x4.sub',
  mul: 'i32x4.mul',
  and: 'v128.and',
  or: 'v128.or',
  xor: 'v128.xor',
  not: 'v128.not',
  eq: 'i32x4.eq',
  ne: 'i32x4.ne',
};

/** On −1/0 masks. */
const BOOL_INSTRUCTION: Partial<Record<ScalarOp, PlainOp>> = {
  not: 'v128.not',
  and: 'v128.and',
  or: 'v128.or',
  xor: 'v128.xor',
  max: 'v128.or',
  min: 'v128.and',
  ne: 'v128.xor',
};

export const lanesOf = (dtype: DType): Lanes =>
  dtype === 'float64' ? 'f64x2' : DTYPES[dtype].float ? 'f32x4' : 'i32x4';

/** Integer ops that SIMD lacks or has in part. */
export const BY_LANE: ReadonlySet<ScalarOp> = new Set<ScalarOp>(['div', 'rem', 'mod', 'pow', 'shl', 'shr']);

const COMPARES: ReadonlySet<ScalarOp> = new Set<ScalarOp>(['eq', 'ne', 'lt', 'le']);

/** The instruction for `op` on two (or one) vectors of `dtype` that are on the stack, as reductions and stores combine them. */
export function combineLanes(c: Context, op: ScalarOp, dtype: DType): void {
  if (DTYPES[dtype].float) {
    c.f.op(`${lanesOf(dtype)}.${op}` as PlainOp);
    if (dtype === 'float16') roundToHalf(c);
  } else if (dtype === 'bool') c.f.op(op === 'max' || op === 'add' ? 'v128.or' : 'v128.and');
  else {
    integerOp(c, op, dtype);
  }
}

function integerOp(c: Context, op: ScalarOp, dtype: DType): void {
  const suffix = DTYPES[dtype].signed ? 's' : 'u';
  if (op === 'max' || op === 'min') c.f.op(`i32x4.${op}_${suffix}`);
  else if (op === 'lt' || op === 'le') c.f.op(`i32x4.${op}_${suffix}`);
  else c.f.op(INTEGER_INSTRUCTION[op]!);
  if (!COMPARES.has(op)) wrapLanes(c, dtype);
}

/** Ops whose results float16 holds exactly when it holds the arguments. */
const EXACT: ReadonlySet<ScalarOp> = new Set<ScalarOp>([
  'neg',
  'abs',
  'sign',
  'max',
  'min',
  'where',
  'floor',
  'ceil',
  'round',
  'trunc',
  'bitcast',
]);

/** Whether the lanes that `pushOperation` leaves must still be rounded to the operation's dtype. */
export const needsRounding = (e: OpExpr): boolean => e.dtype === 'float16' && !EXACT.has(e.op);

/** Pushes the vector of an operation, float16 as the float32 that is to be rounded. */
export function pushOperation(c: Context, e: OpExpr, copy: number): void {
  const { f } = c;
  const [x, y, z] = e.args;
  const push = (i: number) => c.pushVector(c, e.args[i], copy);
  switch (e.op) {
    case 'cast':
      push(0);
      castLanes(c, x.dtype, e.dtype);
      return;
    case 'bitcast':
      push(0);
      if (DTYPES[e.dtype].bytes === 1) wrapLanes(c, e.dtype);
      return;
    case 'where':
      c.pushVector(c, y, copy);
      c.pushVector(c, z, copy);
      push(0);
      if (e.dtype === 'float64') widenMask(c);
      f.op('v128.bitselect');
      return;
    case 'randomBits':
      for (const i of [0, 1, 2, 3]) push(i);
      f.call(randomBits(c.module));
      return;
  }
  if (DTYPES[x.dtype].float) {
    pushFloat(c, e, copy);
    return;
  }
  if (x.dtype === 'bool') {
    pushBool(c, e, copy);
    return;
  }
  pushInteger(c, e, copy);
}

function pushFloat(c: Context, e: OpExpr, copy: number): void {
  const { f } = c;
  const [x, y] = e.args;
  const shape = lanesOf(x.dtype) as 'f32x4' | 'f64x2';
  const constant = (value: number) => (shape === 'f64x2' ? f.f64x2(value) : f.f32x4(value));
  const instruction = FLOAT_INSTRUCTION[e.op];
  const [literal, other] = x.kind === 'const' ? [x, y] : [y, x];
  if ((e.op === 'max' || e.op === 'min') && literal.kind === 'const' && !Number.isNaN(literal.value)) {
    // One machine instruction instead of eight: with a number on the right, only the left can be NaN, and it passes.
    c.pushVector(c, other, copy);
    c.pushVector(c, literal, copy);
    f.op(`${shape}.p${e.op}`);
  } else if (instruction) {
    for (const a of e.args) c.pushVector(c, a, copy);
    f.op(`${shape}.${instruction}` as PlainOp);
    if (COMPARES.has(e.op) && shape === 'f64x2') narrowMask(c);
  } else if (e.op === 'reciprocal') {
    constant(1);
    c.pushVector(c, x, copy);
    f.op(`${shape}.div`);
  } else if (e.op === 'sign') {
    const held = holdVector(c, () => c.pushVector(c, x, copy));
    for (const [compare, value] of [
      ['gt', 1],
      ['lt', -1],
    ] as const) {
      f.get(held);
      constant(0);
      f.op(`${shape}.${compare}`);
      constant(value);
      f.op('v128.and');
    }
    f.op('v128.or');
  } else if (e.op === 'rem' || e.op === 'mod') pushFloatRemainder(c, e, copy);
  else pushMath(c, e, copy, shape);
}

function pushMath(c: Context, e: OpExpr, copy: number, shape: 'f32x4' | 'f64x2'): void {
  if (!(e.op in MATH)) throw new Error(`${e.op} of ${e.args[0].dtype} is not a scalar op`);
  const op = e.op as MathName;
  const push = (i: number) => () => c.pushVector(c, e.args[i], copy);
  const isNear = e.op === 'exp' ? c.negative.has(e.args[0]) : isSmallAngle(e.args[0]);
  if (c.inlineMath) {
    const locals = e.args.map((_, i) => holdVector(c, push(i)));
    inlineMath(c.module, c.f, op, shape, locals, isNear)();
    return;
  }
  for (let i = 0; i < e.args.length; i++) push(i)();
  c.f.call(mathFunction(c.module, op, shape, isNear));
}

/** Lane by lane, in float64. */
function pushFloatRemainder(c: Context, e: OpExpr, copy: number): void {
  const { f } = c;
  const double = e.args[0].dtype === 'float64';
  const held = e.args.map((a) => holdVector(c, () => c.pushVector(c, a, copy)));
  const helper = e.op === 'rem' ? rare().floatRemainder(c.module) : rare().floatModulo(c.module);
  const lanes = varies(c, e) ? c.lanes : 1;
  const pushLane = (lane: number) => {
    for (const local of held) {
      f.get(local);
      f.lane(double ? 'f64x2.extract_lane' : 'f32x4.extract_lane', lane);
      if (!double) f.op('f64.promote_f32');
    }
    f.call(helper);
    if (!double) f.op('f32.demote_f64');
  };
  pushLane(0);
  f.op(double ? 'f64x2.splat' : 'f32x4.splat');
  for (let lane = 1; lane < lanes; lane++) {
    pushLane(lane);
    f.lane(double ? 'f64x2.replace_lane' : 'f32x4.replace_lane', lane);
  }
}

function pushBool(c: Context, e: OpExpr, copy: number): void {
  const { f } = c;
  const [x, y] = e.args;
  if (e.op === 'lt' || e.op === 'le') {
    // x < y: y and not x. x ≤ y: not (x and not y).
    c.pushVector(c, e.op === 'lt' ? y : x, copy);
    c.pushVector(c, e.op === 'lt' ? x : y, copy);
    f.op('v128.andnot');
    if (e.op === 'le') f.op('v128.not');
    return;
  }
  for (const a of e.args) c.pushVector(c, a, copy);
  f.op(BOOL_INSTRUCTION[e.op === 'eq' ? 'ne' : e.op]!);
  if (e.op === 'eq') f.op('v128.not');
}

function pushInteger(c: Context, e: OpExpr, copy: number): void {
  const { f } = c;
  const [x, y] = e.args;
  const { dtype } = x;
  if (e.op === 'sign') {
    c.pushVector(c, x, copy);
    f.i32x4(DTYPES[dtype].signed ? -1 : 0);
    f.op(DTYPES[dtype].signed ? 'i32x4.max_s' : 'i32x4.max_u');
    f.i32x4(1);
    f.op(DTYPES[dtype].signed ? 'i32x4.min_s' : 'i32x4.min_u');
    return;
  }
  if (e.op === 'shl' || e.op === 'shr') {
    // SIMD shifts all lanes by one count.
    if (varies(c, y)) {
      pushByLane(c, e, copy);
      return;
    }
    c.pushVector(c, x, copy);
    c.pushScalar(c, y, 0);
    f.op(e.op === 'shl' ? 'i32x4.shl' : DTYPES[dtype].signed ? 'i32x4.shr_s' : 'i32x4.shr_u');
    wrapLanes(c, dtype);
    return;
  }
  const bits = bitsOfPlace(e);
  if (bits !== undefined) {
    c.pushVector(c, x, copy);
    if (e.op === 'div') {
      f.i32(bits);
      f.op('i32x4.shr_u');
    } else {
      f.i32x4(2 ** bits - 1);
      f.op('v128.and');
    }
    return;
  }
  if (BY_LANE.has(e.op)) {
    pushByLane(c, e, copy);
    return;
  }
  if (e.op === 'abs' && !DTYPES[dtype].signed) {
    c.pushVector(c, x, copy);
    return;
  }
  for (const a of e.args) c.pushVector(c, a, copy);
  integerOp(c, e.op, dtype);
}

function pushByLane(c: Context, e: OpExpr, copy: number): void {
  const { f } = c;
  const first = copy * c.lanes;
  c.pushScalar(c, e, first);
  f.op('i32x4.splat');
  for (let lane = 1; lane < (varies(c, e) ? c.lanes : 1); lane++) {
    c.pushScalar(c, e, first + lane);
    f.lane('i32x4.replace_lane', lane);
  }
}

/** Evaluates into a new local. */
function holdVector(c: Context, push: () => void): number {
  const local = c.f.local('v128');
  push();
  c.f.set(local);
  return local;
}
