/** Kernel expressions of one dtype, written like formulas. */
import type { DType } from '../dtype.js';
import { roundTo } from './exact.js';
import type { ExprBuilder } from './expr.js';
import type { Expr, ScalarOp } from './ir.js';

export type Algebra = ReturnType<typeof algebraOf>;

/** Names for the ops of `builder` on arguments of `dtype`. */
export function algebraOf(builder: ExprBuilder, dtype: DType) {
  const unary = (op: ScalarOp) => (x: Expr) => builder.op(op, [x]);
  const binary = (op: ScalarOp) => (x: Expr, y: Expr) => builder.op(op, [x, y]);
  const number = (value: number) => builder.constant(roundTo(dtype)(value), dtype);
  const [add, sub, mul, lt] = [binary('add'), binary('sub'), binary('mul'), binary('lt')];

  /** Both halves of a float's digits; Veltkamp, for |x| below 2^100. */
  const split = (x: Expr): [high: Expr, low: Expr] => {
    const scaled = mul(x, number(dtype === 'float64' ? 2 ** 27 + 1 : 2 ** 12 + 1));
    const high = sub(scaled, sub(scaled, x));
    return [high, sub(x, high)];
  };

  return {
    dtype,
    number,
    bool: (value: boolean) => builder.constant(value ? 1 : 0, 'bool'),
    add,
    sub,
    mul,
    lt,
    div: binary('div'),
    rem: binary('rem'),
    max: binary('max'),
    min: binary('min'),
    le: binary('le'),
    eq: binary('eq'),
    ne: binary('ne'),
    and: binary('and'),
    or: binary('or'),
    xor: binary('xor'),
    shl: binary('shl'),
    shr: binary('shr'),
    neg: unary('neg'),
    abs: unary('abs'),
    not: unary('not'),
    exp: unary('exp'),
    expm1: unary('expm1'),
    log: unary('log'),
    floor: unary('floor'),
    trunc: unary('trunc'),
    round: unary('round'),
    where: (condition: Expr, x: Expr, y: Expr) => builder.op('where', [condition, x, y]),
    cast: (x: Expr, to: DType) => builder.op('cast', [x], to),
    bitcast: (x: Expr, to: DType) => builder.op('bitcast', [x], to),
    /** The same formulas on another dtype. */
    on: (other: DType) => algebraOf(builder, other),
    /** Horner's rule, the constant term first. */
    polynomial: (x: Expr, coefficients: readonly number[]) =>
      coefficients.map(number).reduceRight((sum, c) => add(mul(sum, x), c)),
    /** `magnitude` (≥ 0) with the sign of x, +0 where x is a zero. */
    withSignOf: (x: Expr, magnitude: Expr) =>
      builder.op('where', [lt(x, number(0)), builder.op('neg', [magnitude]), magnitude]),
    /** x·y as a rounded product and what the rounding lost (Dekker 1971). */
    twoProduct: (x: Expr, y: Expr): [product: Expr, error: Expr] => {
      const product = mul(x, y);
      const [xh, xl] = split(x);
      const [yh, yl] = split(y);
      const error = add(add(add(sub(mul(xh, yh), product), mul(xh, yl)), mul(xl, yh)), mul(xl, yl));
      return [product, error];
    },
    /** x + y as a rounded sum and what the rounding lost (Knuth). */
    twoSum: (x: Expr, y: Expr): [sum: Expr, error: Expr] => {
      const sum = add(x, y);
      const part = sub(sum, x);
      return [sum, add(sub(x, sub(sum, part)), sub(y, part))];
    },
  };
}
