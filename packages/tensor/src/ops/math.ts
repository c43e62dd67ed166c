/** Elementwise mathematics composed of the primitives. */
import { type DType, isFloat } from '../dtype.js';
import { DTypeError, ValueError } from '../errors.js';
import type { Node } from '../graph/node.js';
import { cast, toFloat } from './cast.js';
import { full, numberOperand, promoteNumber } from './create.js';
import {
  binary,
  binarySame,
  constant,
  eq,
  ge,
  gt,
  lt,
  ne,
  type Operand,
  promoteOperands,
  unary,
  where,
} from './elementwise.js';
import { bitwise } from './logic.js';

const LN2 = Math.LN2;

/** Sum; of two bools their logical or, as in PyTorch. */
export function add(x: Operand, y: Operand): Node {
  const [a, b] = promoteOperands(x, y);
  return a.dtype === 'bool' ? bitwise('or', a, b, 'add') : binarySame('add', a, b);
}

/** An operand times `alpha`: the option of `add` and `sub`. */
export function scaledOperand<O extends Operand>(y: O, alpha = 1): O | Node {
  if (alpha === 1) return y;
  return mul(y, alpha);
}

/** Difference. Throws DTypeError for two bools, as PyTorch. */
export function sub(x: Operand, y: Operand): Node {
  const [a, b] = promoteOperands(x, y);
  if (a.dtype === 'bool') throw new DTypeError('sub: not defined for two bool tensors; use logicalXor');
  return binarySame('sub', a, b);
}

/** Product; of two bools their logical and. */
export function mul(x: Operand, y: Operand): Node {
  const [a, b] = promoteOperands(x, y);
  return a.dtype === 'bool' ? bitwise('and', a, b, 'mul') : binarySame('mul', a, b);
}

export type RoundingMode = 'trunc' | 'floor' | null;

/** Quotient: true division (integers become float32), or rounded towards zero or down (integers stay integers). */
export function div(x: Operand, y: Operand, roundingMode: RoundingMode = null, name = 'div'): Node {
  const [a, b] = promoteOperands(x, y);
  if (roundingMode === null) return binarySame('div', toFloat(a), toFloat(b), name);
  if (a.dtype === 'bool')
    throw new DTypeError(`${name}: roundingMode '${roundingMode}' is not defined for bool tensors`);
  if (roundingMode === 'trunc') {
    const q = binarySame('div', a, b, name);
    return isFloat(q.dtype) ? unary('trunc', q) : q;
  }
  return isFloat(a.dtype)
    ? floorDivideFloat(a, b, name)
    : binarySame('div', sub(a, binarySame('mod', a, b, name)), b);
}

/** Python's floor division of floats, which is exact where floor(a / b) would round up (torch's div_floor). */
function floorDivideFloat(a: Node, b: Node, name: string): Node {
  const rest = binarySame('rem', a, b, name);
  const exact = binarySame('div', sub(a, rest), b);
  const wrongSide = bitwise('and', ne(rest, 0), ne(lt(b, 0), lt(rest, 0)));
  const quotient = where(wrongSide, sub(exact, 1), exact);
  const floor = unary('floor', quotient);
  const rounded = where(gt(sub(quotient, floor), 0.5), add(floor, 1), floor);
  // The outer floor changes no value; it is what makes the gradient 0.
  return unary('floor', where(eq(b, 0), binarySame('div', a, b), rounded));
}

/** Remainder with the sign of the divisor. */
export const remainder = (x: Operand, y: Operand): Node => binary('mod', x, y, 'remainder');
/** Remainder with the sign of the dividend. */
export const fmod = (x: Operand, y: Operand): Node => binary('rem', x, y, 'fmod');
/** The greater one; NaN if either is. */
export const maximum = (x: Operand, y: Operand): Node => binary('max', x, y, 'maximum');
/** The lesser one; NaN if either is. */
export const minimum = (x: Operand, y: Operand): Node => binary('min', x, y, 'minimum');

/** Power. Small fixed exponents become products, roots and reciprocals. */
export function pow(x: Operand, exponent: Operand): Node {
  if (typeof exponent !== 'number') {
    const [a, b] = promoteOperands(x, exponent);
    const dtype: DType = a.dtype === 'bool' ? 'int32' : a.dtype;
    return binarySame('pow', cast(a, dtype), cast(b, dtype), 'pow');
  }
  if (typeof x === 'number') return binary('pow', x, exponent);
  const base = cast(x, promoteNumber(x.dtype, exponent));
  if (!isFloat(base.dtype) && exponent < 0)
    throw new ValueError(
      `pow: integers to the negative power ${exponent} are not allowed; convert to a float dtype first`,
    );
  switch (exponent) {
    case 1:
      return base;
    case 2:
      return mul(base, base);
    case 3:
      return mul(mul(base, base), base);
    case -1:
      return unary('reciprocal', base);
    case 0.5:
      return unary('sqrt', base);
    case -0.5:
      return rsqrt(base);
    case 0:
      // The rule of pow gives the gradient 0 that a constant would not have.
      if (!base.requiresGrad) return full(base.shape, 1, base.dtype);
  }
  return binarySame('pow', base, numberOperand(exponent, base.dtype));
}

export function rsqrt(x: Node): Node {
  return unary('reciprocal', unary('sqrt', x));
}
export const square = (x: Node): Node => pow(x, 2);

/** x · c with a constant of the formula. */
function scale(x: Node, factor: number): Node {
  const y = toFloat(x);
  return mul(y, constant(y, factor));
}

/** A power: x·ln 2 in one float would lose as many digits of the result as x has before the point. */
export const exp2 = (x: Node): Node => pow(2, toFloat(x));
export const log2 = (x: Node): Node => scale(unary('log', x), Math.LOG2E);
export const log10 = (x: Node): Node => scale(unary('log', x), Math.LOG10E);

export function tan(x: Node): Node {
  return div(unary('sin', x), unary('cos', x));
}

/** asin(x) = atan(x / √((1 − x)(1 + x))): the product keeps digits near ±1 that 1 − x² loses. */
export function asin(x: Node): Node {
  const y = toFloat(x);
  return unary('atan', div(y, unary('sqrt', mul(sub(1, y), add(1, y)))));
}

/** acos(x) = 2 atan √((1 − x) / (1 + x)). */
export function acos(x: Node): Node {
  const y = toFloat(x);
  return mul(unary('atan', unary('sqrt', div(sub(1, y), add(1, y)))), 2);
}

/** Angle of the point (x, y); the quotient is always the smaller by the larger, so that gradients stay finite. */
export function atan2(yIn: Operand, xIn: Operand): Node {
  const [p, q] = promoteOperands(yIn, xIn);
  const y = toFloat(p);
  const x = toFloat(q);
  const steep = gt(unary('abs', y), unary('abs', x));
  const top = where(steep, x, y);
  const bottom = where(steep, y, x);
  const angle = unary('atan', div(top, where(eq(bottom, 0), constant(bottom, 1), bottom)));
  const pi = (of: Node, value: number) => where(lt(of, 0), constant(of, -value), constant(of, value));
  const flat = where(lt(x, 0), add(angle, pi(y, Math.PI)), angle);
  return where(steep, sub(pi(y, Math.PI / 2), angle), flat);
}

/** (eˣ − e⁻ˣ)/2 with eˣ − 1 = p(p + 2), p = e^(x/2) − 1, which overflows no earlier than the result. */
export function sinh(x: Node): Node {
  const half = mul(toFloat(x), 0.5);
  const part = (of: Node) => {
    const p = unary('expm1', of);
    return mul(mul(p, 0.5), add(p, 2));
  };
  return sub(part(half), part(unary('neg', half)));
}
/** (eˣ + e⁻ˣ)/2 from squares of e^±(x/2), which overflow no earlier than the result. */
export function cosh(x: Node): Node {
  const half = mul(toFloat(x), 0.5);
  const part = (of: Node) => {
    const e = unary('exp', of);
    return mul(mul(e, 0.5), e);
  };
  return add(part(half), part(unary('neg', half)));
}

/** From here on asinh x is log 2x to the last digit, and up to here x² does not overflow. */
const largeOf = (dtype: DType): number => (dtype === 'float16' ? 2 ** 7 : 2 ** 30);

/** asinh(x) = ±log1p(a + a² / (1 + √(a² + 1))) with a = |x|: no cancellation at either end. */
export function asinh(x: Node): Node {
  const y = toFloat(x);
  const negative = lt(y, 0);
  const size = where(negative, unary('neg', y), y);
  const large = gt(size, largeOf(y.dtype));
  const a = where(large, constant(y, 1), size);
  const squared = mul(a, a);
  const near = unary('log1p', add(a, div(squared, add(unary('sqrt', add(squared, 1)), 1))));
  const far = add(unary('log', where(large, size, constant(y, 1))), LN2);
  const value = where(large, far, near);
  return where(negative, unary('neg', value), value);
}
/** acosh(x) = 2 asinh √((x − 1)/2). */
export function acosh(x: Node): Node {
  return mul(asinh(unary('sqrt', mul(sub(toFloat(x), 1), 0.5))), 2);
}
export function atanh(x: Node): Node {
  const y = toFloat(x);
  return mul(sub(unary('log1p', y), unary('log1p', unary('neg', y))), 0.5);
}

export function erfc(x: Node): Node {
  return sub(1, unary('erf', x));
}
export function frac(x: Node): Node {
  if (!isFloat(x.dtype))
    throw new DTypeError(`frac: takes float tensors, got ${x.dtype}; convert it with to(dtype)`);
  return sub(x, unary('trunc', x));
}
/** −1, 0 or 1; a bool is its own sign. */
export const sign = (x: Node): Node => (x.dtype === 'bool' ? x : unary('sign', x));

export const isnan = (x: Node): Node => ne(x, x);
export const isinf = (x: Node): Node =>
  isFloat(x.dtype) ? eq(unary('abs', x), constant(x, Number.POSITIVE_INFINITY)) : full(x.shape, 0, 'bool');
export const isfinite = (x: Node): Node =>
  isFloat(x.dtype) ? lt(unary('abs', x), constant(x, Number.POSITIVE_INFINITY)) : full(x.shape, 1, 'bool');

/** Limits values to [min, max]; the gradient passes at the limits themselves. min > max gives max. */
export function clamp(x: Node, min?: Operand | null, max?: Operand | null): Node {
  if ((min ?? null) === null && (max ?? null) === null) throw new ValueError('clamp: give min, max or both');
  let y = x;
  if (min !== undefined && min !== null) y = where(lt(y, min), min, y);
  if (max !== undefined && max !== null) y = where(gt(y, max), max, y);
  return y;
}

/** start + weight · (end − start), from the nearer end so that weight 1 gives `end` exactly. */
export function lerp(start: Node, end: Operand, weight: Operand): Node {
  const difference = sub(end, start);
  const fromStart = () => add(start, mul(difference, weight));
  const fromEnd = () => sub(end, mul(difference, sub(1, weight)));
  if (typeof weight === 'number') return Math.abs(weight) < 0.5 ? fromStart() : fromEnd();
  return where(lt(unary('abs', weight), 0.5), fromStart(), fromEnd());
}

/** Replaces NaN and infinities; infinities by default with the largest finite numbers of the dtype. */
export function nanToNum(x: Node, nan = 0, posinf?: number, neginf?: number): Node {
  if (!isFloat(x.dtype)) return x;
  const largest =
    x.dtype === 'float16' ? 65504 : x.dtype === 'float32' ? 3.4028234663852886e38 : Number.MAX_VALUE;
  const inf = constant(x, Number.POSITIVE_INFINITY);
  const noNaN = where(isnan(x), constant(x, nan), x);
  const low = where(eq(noNaN, unary('neg', inf)), constant(x, neginf ?? -largest), noNaN);
  return where(ge(low, inf), constant(x, posinf ?? largest), low);
}
