/** How scalar ops read in WGSL. */
import type { DType, ScalarOp } from '@neurite/tensor';
import type { Helpers } from './helpers.js';
import { isHalf, type ValueType, valueType, widened } from './values.js';

type Args = readonly string[];

const infix =
  (symbol: string) =>
  ([a, b]: Args): string =>
    `(${a} ${symbol} ${b})`;
const call =
  (name: string) =>
  (args: Args): string =>
    `${name}(${args.join(', ')})`;

/** Ops that read alike for all numbers. */
const COMMON: Partial<Record<ScalarOp, (args: Args) => string>> = {
  add: infix('+'),
  sub: infix('-'),
  mul: infix('*'),
  div: infix('/'),
  eq: infix('=='),
  // Not `!=`, which some compilers take for false where one side is NaN.
  ne: ([a, b]) => `(!(${a} == ${b}))`,
  lt: infix('<'),
  le: infix('<='),
  and: infix('&'),
  or: infix('|'),
  xor: infix('^'),
  neg: ([x]) => `(-${x})`,
  not: ([x]) => `(~${x})`,
  abs: call('abs'),
  max: call('max'),
  min: call('min'),
  floor: call('floor'),
  ceil: call('ceil'),
  trunc: call('trunc'),
  round: call('round'),
  sqrt: call('sqrt'),
  reciprocal: call('reciprocal_of'),
  where: ([condition, a, b]) => `select(${b}, ${a}, ${condition})`,
  shl: ([a, b]) => `(${a} << u32(${b}))`,
  shr: ([a, b]) => `(${a} >> u32(${b}))`,
};

const OF_BOOLS: Partial<Record<ScalarOp, (args: Args) => string>> = {
  not: ([x]) => `(!${x})`,
  xor: infix('!='),
  max: infix('|'),
  min: infix('&'),
  add: infix('|'),
  mul: infix('&'),
  lt: ([a, b]) => `(!${a} & ${b})`,
  le: ([a, b]) => `(!${a} | ${b})`,
};

/** What is divided by 0 is 0. */
const divided =
  (symbol: string, zero: string) =>
  ([a, b]: Args): string => {
    if (b === zero) return zero;
    const quotient = `(${a} ${symbol} ${b})`;
    return /^[1-9]\d*[iu]$/.test(b) ? quotient : `select(${quotient}, ${zero}, ${b} == ${zero})`;
  };

type Spellings = Partial<Record<ScalarOp, (args: Args) => string>>;

const ofIntegers = (zero: string): Spellings => ({ div: divided('/', zero), rem: divided('%', zero) });

const OF_TYPE: Readonly<Record<ValueType, Spellings>> = {
  bool: OF_BOOLS,
  i32: ofIntegers('0i'),
  u32: { ...ofIntegers('0u'), neg: ([x]) => `(0u - ${x})` },
  f32: {},
};

/** Ops that this file spells for every dtype that has them; the framework lowers the others to these. */
export const SPELLED: ReadonlySet<ScalarOp> = new Set<ScalarOp>([
  ...(Object.keys(COMMON) as ScalarOp[]),
  'cast',
  'bitcast',
  'randomBits',
]);

/** A value of the dtype's width: 8-bit integers wrap, a float16 is rounded (and an f16 where there is one). */
export function narrowed(text: string, dtype: DType, helpers: Helpers): string {
  if (dtype === 'int8') return `((${text} << 24u) >> 24u)`;
  if (dtype === 'uint8') return `(${text} & 255u)`;
  return dtype === 'float16' ? `${helpers.use(helpers.hasHalf ? 'to_half' : 'round_half')}(${text})` : text;
}

/** Ops whose results are in range when their arguments are. */
const EXACT: ReadonlySet<ScalarOp> = new Set<ScalarOp>([
  'max',
  'min',
  'where',
  'and',
  'or',
  'floor',
  'ceil',
  'trunc',
  'round',
  'rem',
  'xor',
]);

/** Ops that WGSL rounds correctly in f16, or that round nothing. Others it may compute worse than float32 rounded. */
const OF_HALF: ReadonlySet<ScalarOp> = new Set<ScalarOp>([
  'add',
  'sub',
  'mul',
  'neg',
  'abs',
  'lt',
  'le',
  'where',
  'floor',
  'ceil',
  'trunc',
  'round',
]);

const isZero = (text: string): boolean => /^(0\.0[fh]|f32\(0\.0h\))$/.test(text);

/** An op on f16: in f16 where that is as good as float32 and a rounding, which is what PyTorch computes. */
function halfOperation(op: ScalarOp, args: Args, helpers: Helpers): string {
  if (OF_HALF.has(op) && !(op === 'mul' && args.some(isZero))) return COMMON[op]!(args);
  const wide = operation(
    op,
    'float32',
    args.map((x) => widened(x, 'float16', helpers)),
    helpers,
  );
  if (op === 'eq' || op === 'ne') return wide;
  // One of two numbers: nothing to round.
  return op === 'max' || op === 'min' ? `f16(${wide})` : narrowed(wide, 'float16', helpers);
}

/** Ops on float32 that compilers may take for something else where numbers are NaN or infinite; undefined for all others. */
function guardedOperation(op: ScalarOp, args: Args, helpers: Helpers): string | undefined {
  const [a, b] = args;
  if (op === 'max' || op === 'min') return call(helpers.use(`${op}_of`))(args);
  if (op === 'reciprocal') return call(helpers.use('reciprocal_of'))(args);
  if (op === 'ne' && a === b) return call(helpers.use('is_nan'))([a]);
  if (op === 'eq' && a === b) return `(!${call(helpers.use('is_nan'))([a])})`;
  if (op === 'mul' && (isZero(a) || isZero(b))) return call(helpers.use('zero_times'))([isZero(a) ? b : a]);
  return op === 'div' && isZero(a) ? call(helpers.use('zero_over'))([b]) : undefined;
}

/** An op on arguments of `dtype` (for `where`, of its values). */
export function operation(op: ScalarOp, dtype: DType, args: Args, helpers: Helpers): string {
  if (op === 'randomBits') return call(helpers.use('random_bits'))(args);
  if (isHalf(dtype, helpers)) return halfOperation(op, args, helpers);
  const type = valueType(dtype);
  const guarded = type === 'f32' ? guardedOperation(op, args, helpers) : undefined;
  const text = guarded ?? (OF_TYPE[type][op] ?? COMMON[op]!)(args);
  const comparison = op === 'eq' || op === 'ne' || op === 'lt' || op === 'le';
  return comparison || EXACT.has(op) ? text : narrowed(text, dtype, helpers);
}

/** Floats truncate and saturate when they become integers, NaN becomes 0; integers wrap; what is not 0 is true. */
export function cast(given: string, from: DType, to: DType, helpers: Helpers): string {
  if (from === to) return given;
  const text = widened(given, from, helpers);
  if (isHalf(to, helpers))
    return narrowed(cast(text, from, 'float32', { ...helpers, hasHalf: false }), to, helpers);
  const [source, target] = [valueType(from), valueType(to)];
  if (to === 'bool') return source === 'bool' ? text : `(!(${text} == ${source}(0)))`;
  if (source !== 'f32' || target === 'f32') {
    const name = from === 'uint32' && target === 'f32' ? helpers.use('float_of_uint') : target;
    const converted = source === target ? text : `${name}(${text})`;
    return narrows(from, to) ? narrowed(converted, to, helpers) : converted;
  }
  if (to === 'int8') return `clamp(${helpers.use('int_of')}(${text}), -128i, 127i)`;
  if (to === 'uint8') return `min(${helpers.use('uint_of')}(${text}), 255u)`;
  return `${helpers.use(target === 'i32' ? 'int_of' : 'uint_of')}(${text})`;
}

/** Whether values of one dtype may lie outside of the other's. */
const narrows = (from: DType, to: DType): boolean =>
  from !== to && from !== 'bool' && (to === 'int8' || to === 'uint8' || to === 'float16');

export function bitcast(text: string, from: DType, to: DType): string {
  const [source, target] = [valueType(from), valueType(to)];
  if (from === 'bool' || to === 'bool') return source === target ? text : `${target}(${text})`;
  if (to === 'int8') return `((bitcast<i32>(${text}) << 24u) >> 24u)`;
  if (to === 'uint8') return `(bitcast<u32>(${text}) & 255u)`;
  return source === target ? text : `bitcast<${target}>(${text})`;
}
