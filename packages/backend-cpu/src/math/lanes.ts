/** Expressions on vectors of float lanes, written once for `f32x4` and `f64x2`. */
import type { FunctionBuilder, ModuleBuilder, PlainOp } from '../wasm/encoder.js';

/** Emits instructions that push one `v128`. */
export type Value = () => void;

export type FloatShape = 'f32x4' | 'f64x2';

type Binary = (a: Value, b: Value) => Value;
type Unary = (a: Value) => Value;

/** What the algorithms of this folder need of one float format, as functions from values to values. */
export interface Lanes {
  readonly module: ModuleBuilder;
  readonly f: FunctionBuilder;
  readonly shape: FloatShape;
  /** Explicit bits of the significand: 23 or 52. */
  readonly mantissa: number;
  readonly bias: number;
  readonly abs: Unary;
  readonly neg: Unary;
  readonly trunc: Unary;
  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
  readonly div: Binary;
  /** The smaller (larger) operand; the first where either is NaN. One instruction, unlike `min` and `max`. */
  readonly pmin: Binary;
  readonly pmax: Binary;
  readonly eq: Binary;
  readonly ne: Binary;
  readonly lt: Binary;
  readonly gt: Binary;
  readonly le: Binary;
  readonly and: Binary;
  readonly or: Binary;
  readonly xor: Binary;
  /** Integer lanes of the same width. */
  readonly iadd: Binary;
  readonly isub: Binary;
  readonly igt: Binary;
  shl(a: Value, count: number): Value;
  shrU(a: Value, count: number): Value;
  /** `a` in lanes where the mask is set, else `b`. */
  select(mask: Value, a: Value, b: Value): Value;
  /** The same float in every lane. */
  constant(value: number): Value;
  /** The same bit pattern in every lane. */
  bits(value: bigint): Value;
  /** c₀ + c₁x + c₂x² + … by Horner's rule; `x` is used often and should be held. */
  polynomial(x: Value, coefficients: readonly number[]): Value;
  /** Evaluates once, into a local. */
  hold(value: Value): Value;
  /** The value of `other`, in all lanes, if the mask's first bit is set in any, else that of `usual`; only one is computed. */
  unless(mask: Value, usual: () => Value, other: () => Value): Value;
}

/** Bytes of a float constant's lane, little endian, as one integer. */
export function bitsOf(shape: FloatShape, value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (shape === 'f32x4') view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
  return view.getBigUint64(0, true);
}

/** Builds expressions in `f`. */
export function lanesOf(module: ModuleBuilder, f: FunctionBuilder, shape: FloatShape): Lanes {
  const double = shape === 'f64x2';
  const integer = double ? 'i64x2' : 'i32x4';
  const unary =
    (op: PlainOp): Unary =>
    (a) =>
    () => {
      a();
      f.op(op);
    };
  const binary =
    (op: PlainOp): Binary =>
    (a, b) =>
    () => {
      a();
      b();
      f.op(op);
    };
  const shift = (op: PlainOp) => (a: Value, count: number) => () => {
    a();
    f.i32(count);
    f.op(op);
  };
  const constant = (value: number) => () => (double ? f.f64x2(value) : f.f32x4(value));
  const bits = (value: bigint) => () => {
    const bytes = double ? 8 : 4;
    f.v128(Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(8 * (i % bytes))) & 255n)));
  };
  const add = binary(`${shape}.add`);
  const mul = binary(`${shape}.mul`);
  return {
    module,
    f,
    shape,
    mantissa: double ? 52 : 23,
    bias: double ? 1023 : 127,
    abs: unary(`${shape}.abs`),
    neg: unary(`${shape}.neg`),
    trunc: unary(`${shape}.trunc`),
    add,
    sub: binary(`${shape}.sub`),
    mul,
    div: binary(`${shape}.div`),
    pmin: binary(`${shape}.pmin`),
    pmax: binary(`${shape}.pmax`),
    eq: binary(`${shape}.eq`),
    ne: binary(`${shape}.ne`),
    lt: binary(`${shape}.lt`),
    gt: binary(`${shape}.gt`),
    le: binary(`${shape}.le`),
    and: binary('v128.and'),
    or: binary('v128.or'),
    xor: binary('v128.xor'),
    iadd: binary(`${integer}.add`),
    isub: binary(`${integer}.sub`),
    igt: binary(`${integer}.gt_s`),
    shl: shift(`${integer}.shl`),
    shrU: shift(`${integer}.shr_u`),
    select: (mask, a, b) => () => {
      a();
      b();
      mask();
      f.op('v128.bitselect');
    },
    constant,
    bits,
    polynomial: (x, coefficients) =>
      coefficients
        .slice(0, -1)
        .reduceRight<Value>((sum, c) => add(mul(sum, x), constant(c)), constant(coefficients.at(-1)!)),
    hold: (value) => {
      const local = f.local('v128');
      value();
      f.set(local);
      return () => f.get(local);
    },
    unless: (mask, usual, other) => {
      const local = f.local('v128');
      mask();
      // Cheaper in V8 than `v128.any_true`.
      f.op(`${integer}.bitmask`);
      f.if_('v128');
      other()();
      f.else_();
      usual()();
      f.end();
      f.set(local);
      return () => f.get(local);
    },
  };
}

/** A constant or a table per format. */
export type PerShape<T> = Readonly<Record<FloatShape, T>>;

/** Where `x` is beyond ±`limit`, or NaN. */
export function isBeyond(v: Lanes, x: Value, limit: number): Value {
  const sign = bitsOf(v.shape, -0);
  return v.igt(v.and(x, v.bits(sign - 1n)), v.bits(bitsOf(v.shape, limit)));
}

/** A mask whose first bit is set unless `x` is a positive, normal and finite number. */
export function isIrregular(v: Lanes, x: Value): Value {
  const first = 1n << BigInt(v.mantissa);
  const infinity = bitsOf(v.shape, Number.POSITIVE_INFINITY);
  // Bit patterns counted from the least normal number: negative for what is smaller, and for negative normal numbers.
  const position = v.hold(v.isub(x, v.bits(first)));
  return v.or(position, v.igt(position, v.bits(infinity - first - 1n)));
}

/** The sign bit of `x`, in place. */
export function signOf(v: Lanes, x: Value): Value {
  return v.and(x, v.constant(-0));
}
