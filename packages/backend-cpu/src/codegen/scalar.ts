/** The scalar world: integers and bools as `i32`, for addresses, guards and what SIMD has no instruction for. */
import {
  DTYPES,
  type DType,
  type Expr,
  type LoadExpr,
  type OpExpr,
  rangeOf,
  type ScalarOp,
} from '@neurite/tensor';
import { rare } from '../rare.js';
import type { MemoryOp, PlainOp } from '../wasm/encoder.js';
import { pushAddress } from './address.js';
import { type Context, isInt, knownValue, remember, scalarKey, varies } from './context.js';
import { integerDivision } from './helpers.js';

const LOADS: Partial<Record<DType, MemoryOp>> = {
  int32: 'i32.load',
  uint32: 'i32.load',
  int8: 'i32.load8_s',
  uint8: 'i32.load8_u',
  bool: 'i32.load8_u',
};

const SIMPLE: Partial<Record<ScalarOp, PlainOp>> = {
  add: 'i32.add',
  sub: 'i32.sub',
  mul: 'i32.mul',
  and: 'i32.and',
  or: 'i32.or',
  xor: 'i32.xor',
  eq: 'i32.eq',
  ne: 'i32.ne',
  shl: 'i32.shl',
};

const SUPPORTED = new Set<ScalarOp>([
  ...(Object.keys(SIMPLE) as ScalarOp[]),
  ...(['lt', 'le', 'shr', 'max', 'min', 'neg', 'not', 'where', 'cast', 'div', 'rem', 'mod', 'pow'] as const),
]);

/** Whether the scalar world has an instruction for `e` itself. */
function isScalarOp(e: OpExpr): boolean {
  return SUPPORTED.has(e.op) && e.args.every((a) => !a.dtype.startsWith('float'));
}

/**
 * Pushes the value of an integer or bool expression as `i32` (a bool as 0 or 1) at the point `offset` places after the
 * first of this iteration.
 */
export function pushScalar(c: Context, e: Expr, offset = 0): void {
  const { f } = c;
  if (e.kind === 'const') {
    f.i32(e.value);
    return;
  }
  if (e.kind === 'var') {
    f.get(c.variables.get(e)!);
    if (e === c.lane && offset) {
      f.i32(offset);
      f.op('i32.add');
    }
    return;
  }
  const key = scalarKey(c, e, offset);
  const known = knownValue(c, key);
  if (known !== undefined) {
    f.get(known);
    return;
  }
  if (e.kind === 'scalar') {
    f.get(c.args);
    f.memory('i32.load', c.layout.scalar(e.slot));
  } else if (e.kind === 'load') pushLoad(c, e, offset);
  else if (e.kind === 'op' && isScalarOp(e)) pushOp(c, e, offset);
  else pushLaneOfVector(c, e, offset);
  if ((c.uses.get(e) ?? 1) > 1 || c.lanes * c.copies > 1) {
    const local = f.local('i32');
    f.tee(local);
    remember(c, key, local);
  }
}

/** Evaluates `e` at the first point now, into a local that later uses in this scope will find. */
export function keepScalar(c: Context, e: Expr): void {
  const key = scalarKey(c, e, 0);
  if (knownValue(c, key) !== undefined) return;
  pushScalar(c, e);
  if (knownValue(c, key) !== undefined) {
    c.f.op('drop');
    return;
  }
  const local = c.f.local('i32');
  c.f.set(local);
  remember(c, key, local);
}

function pushLoad(c: Context, e: LoadExpr, offset: number): void {
  const { f } = c;
  const added = pushAddress(c, e.buffer, e.index, offset, { exact: e.guard !== null });
  const load = () => f.memory(LOADS[e.dtype]!, added);
  if (!e.guard) load();
  else {
    const address = f.local('i32');
    f.set(address);
    pushScalar(c, e.guard, offset);
    f.if_('i32');
    f.get(address);
    load();
    f.else_();
    f.i32(0);
    f.end();
  }
  if (e.dtype === 'bool') {
    f.i32(0);
    f.op('i32.ne');
  }
}

/** What only the vector world can compute: one lane of it. */
function pushLaneOfVector(c: Context, e: Expr, offset: number): void {
  const at = varies(c, e) ? offset : 0;
  c.pushVector(c, e, Math.floor(at / c.lanes));
  c.f.lane('i32x4.extract_lane', at % c.lanes);
  if (e.dtype !== 'bool') return;
  c.f.i32(1);
  c.f.op('i32.and');
}

function pushOp(c: Context, e: OpExpr, offset: number): void {
  const { f } = c;
  const [x, y, z] = e.args;
  const both = (op: PlainOp) => {
    pushScalar(c, x, offset);
    pushScalar(c, y, offset);
    f.op(op);
  };
  const signed = DTYPES[x.dtype].signed;
  const suffix = signed ? 's' : 'u';
  switch (e.op) {
    case 'lt':
    case 'le':
      both(`i32.${e.op}_${suffix}`);
      break;
    case 'shr':
      both(`i32.shr_${suffix}`);
      break;
    case 'max':
    case 'min': {
      const a = f.local('i32');
      const b = f.local('i32');
      pushScalar(c, x, offset);
      f.tee(a);
      pushScalar(c, y, offset);
      f.tee(b);
      f.get(a);
      f.get(b);
      f.op(`i32.${e.op === 'max' ? 'gt' : 'lt'}_${suffix}`);
      f.op('select');
      break;
    }
    case 'neg':
      f.i32(0);
      pushScalar(c, x, offset);
      f.op('i32.sub');
      break;
    case 'not':
      pushScalar(c, x, offset);
      f.i32(x.dtype === 'bool' ? 1 : -1);
      f.op('i32.xor');
      break;
    case 'where':
      pushScalar(c, y, offset);
      pushScalar(c, z, offset);
      pushScalar(c, x, offset);
      f.op('select');
      break;
    case 'cast':
      pushScalar(c, x, offset);
      if (e.dtype === 'bool' && x.dtype !== 'bool') {
        f.i32(0);
        f.op('i32.ne');
      }
      break;
    case 'div':
    case 'rem':
    case 'mod':
      pushDivision(c, e, offset);
      break;
    case 'pow':
      pushScalar(c, x, offset);
      pushScalar(c, y, offset);
      f.call(rare().integerPower(c.module, signed));
      break;
    default:
      both(SIMPLE[e.op]!);
  }
  if (isInt(e.dtype)) wrap(c, e.dtype);
}

function pushDivision(c: Context, e: OpExpr, offset: number): void {
  const { f } = c;
  const [x, y] = e.args;
  const op = e.op as 'div' | 'rem' | 'mod';
  const signed = DTYPES[x.dtype].signed;
  pushScalar(c, x, offset);
  pushScalar(c, y, offset);
  // Index arithmetic divides what is not negative by positive constants: a multiplication and shifts, without branches.
  const simple = y.kind === 'const' && y.value > 0 && (!signed || op !== 'mod' || rangeOf(x).min >= 0);
  if (!simple) {
    f.call(integerDivision(c.module, op, signed));
    return;
  }
  const unsigned = !signed || (x.dtype === 'int32' && rangeOf(x).min >= 0);
  f.op(`i32.${op === 'div' ? 'div' : 'rem'}_${unsigned ? 'u' : 's'}`);
}

/** Brings the `i32` on the stack into the range of a narrow dtype. */
function wrap(c: Context, dtype: DType): void {
  if (dtype === 'int8') c.f.op('i32.extend8_s');
  if (dtype === 'uint8') {
    c.f.i32(255);
    c.f.op('i32.and');
  }
}
