/**
 * Algebra on expressions as they are made. Integers: linear combinations are kept in one canonical form, and division and
 * remainder by constants dissolve where ranges allow it; tested by brute force. Floats: only what is exact for every value.
 */
import type { DType } from '../dtype.js';
import { combine, type LinearForm, linearOf, rangeOf, rangeOfLinear } from './affine.js';
import { foldConstants } from './exact.js';
import type { ExprBuilder } from './expr.js';
import type { Expr, ScalarOp } from './ir.js';

const isConst = (e: Expr, value?: number): boolean =>
  e.kind === 'const' && (value === undefined || e.value === value);

/** A simpler expression for op(args), or undefined where it stands as it is. */
export function simplifyOp(
  b: ExprBuilder,
  op: ScalarOp,
  args: readonly Expr[],
  dtype: DType,
): Expr | undefined {
  const [x, y, z] = args;
  if (op === 'where') {
    if (x.kind === 'const') return x.value ? y : z;
    if (y === z) return y;
    if (dtype === 'bool' && isConst(z, 0)) return b.op('and', [x, y]);
    // A guarded load is 0 where its guard is false.
    if (isConst(z, 0) && y.kind === 'load' && y.guard === x) return y;
    return undefined;
  }
  if (args.every((a) => a.kind === 'const')) {
    const values = args.map((a) => (a as { value: number }).value);
    const value = foldConstants(op, dtype, values, x.dtype);
    if (value !== undefined) return b.constant(value, dtype);
  }
  if ((op === 'cast' || op === 'bitcast') && x.dtype === dtype) return x;
  if (dtype === 'bool') return simplifyBool(b, op, x, y);
  if (dtype === 'int32') return simplifyInt(b, op, x, y);
  if (op === 'mul') return isConst(y, 1) ? x : isConst(x, 1) ? y : undefined;
  if (op === 'div') return isConst(y, 1) ? x : undefined;
  if (op === 'sub') return y.kind === 'const' && Object.is(y.value, 0) ? x : undefined;
  return undefined;
}

function simplifyBool(b: ExprBuilder, op: ScalarOp, x: Expr, y: Expr): Expr | undefined {
  const bool = (v: boolean) => b.constant(v ? 1 : 0, 'bool');
  switch (op) {
    case 'not':
      return x.kind === 'op' && x.op === 'not' ? x.args[0] : undefined;
    case 'and':
      if (isConst(x)) return isConst(x, 0) ? x : y;
      if (isConst(y)) return isConst(y, 0) ? y : x;
      return x === y ? x : undefined;
    case 'or':
      if (isConst(x)) return isConst(x, 0) ? y : x;
      if (isConst(y)) return isConst(y, 0) ? x : y;
      return x === y ? x : undefined;
    case 'eq':
    case 'ne':
    case 'lt':
    case 'le': {
      if (x.dtype !== 'int32') return undefined;
      const difference = rangeOfLinear(combine(linearOf(x), linearOf(y), -1));
      // Sums of the user's own integers may wrap around; only indices are known not to.
      if (x !== y && !(isBounded(rangeOf(x)) && isBounded(rangeOf(y)))) return undefined;
      if (op === 'lt') return difference.max < 0 ? bool(true) : difference.min >= 0 ? bool(false) : undefined;
      if (op === 'le') return difference.max <= 0 ? bool(true) : difference.min > 0 ? bool(false) : undefined;
      const never = difference.min > 0 || difference.max < 0;
      const always = difference.min === 0 && difference.max === 0;
      if (never) return bool(op === 'ne');
      return always ? bool(op === 'eq') : undefined;
    }
  }
  return undefined;
}

function simplifyInt(b: ExprBuilder, op: ScalarOp, x: Expr, y: Expr): Expr | undefined {
  switch (op) {
    case 'add':
      return fromLinear(b, combine(linearOf(x), linearOf(y), 1));
    case 'sub':
      return fromLinear(b, combine(linearOf(x), linearOf(y), -1));
    case 'neg':
      return fromLinear(b, combine({ constant: 0, terms: new Map() }, linearOf(x), -1));
    case 'mul': {
      const [factor, other] =
        y.kind === 'const' ? [y.value, x] : x.kind === 'const' ? [x.value, y] : [undefined, x];
      if (factor === undefined) return undefined;
      return fromLinear(b, combine({ constant: 0, terms: new Map() }, linearOf(other), factor));
    }
    case 'div':
      return y.kind === 'const' && y.value > 0 ? divide(b, x, y.value) : undefined;
    case 'rem':
    case 'mod':
      return y.kind === 'const' && y.value > 0 ? remainder(b, op, x, y.value) : undefined;
    case 'min': {
      const difference = rangeOfLinear(combine(linearOf(x), linearOf(y), -1));
      return difference.max <= 0 ? x : difference.min >= 0 ? y : undefined;
    }
    case 'max': {
      const difference = rangeOfLinear(combine(linearOf(x), linearOf(y), -1));
      return difference.max <= 0 ? y : difference.min >= 0 ? x : undefined;
    }
  }
  return undefined;
}

const isBounded = (r: { min: number; max: number }): boolean => r.min > -(2 ** 31) && r.max < 2 ** 31 - 1;

const fitsInt32 = (n: number): boolean => n >= -(2 ** 31) && n < 2 ** 31;

/** The canonical expression of a linear form: large coefficients first, so that an address reads as outer to inner loop. */
function fromLinear(b: ExprBuilder, input: LinearForm): Expr | undefined {
  // A range that int32 cannot hold means that arithmetic may wrap: user integers, not indices. Leave those alone.
  let { constant } = input;
  const form = mergeDivRem(input);
  constant = form.constant;
  if (!fitsInt32(constant)) return undefined;
  for (const c of form.terms.values()) if (!fitsInt32(c)) return undefined;
  const terms = [...form.terms].sort((p, q) => Math.abs(q[1]) - Math.abs(p[1]) || p[0].id - q[0].id);
  let sum: Expr | undefined;
  for (const [atom, c] of terms) {
    const term = c === 1 ? atom : b.raw('mul', [atom, b.constant(c, 'int32')], 'int32');
    sum = sum ? b.raw('add', [sum, term], 'int32') : term;
  }
  if (!sum) return b.constant(constant, 'int32');
  return constant === 0 ? sum : b.raw('add', [sum, b.constant(constant, 'int32')], 'int32');
}

/** k·c·(x div c) + k·(x rem c) = k·x */
function mergeDivRem(input: LinearForm): LinearForm {
  let form = input;
  for (const [atom, k] of input.terms) {
    if (atom.kind !== 'op' || atom.op !== 'rem' || atom.args[1].kind !== 'const') continue;
    const c = atom.args[1].value;
    for (const [other, kc] of form.terms) {
      if (
        other.kind === 'op' &&
        other.op === 'div' &&
        other.args[0] === atom.args[0] &&
        isConst(other.args[1], c) &&
        kc === k * c
      ) {
        const terms = new Map(form.terms);
        terms.delete(atom);
        terms.delete(other);
        form = combine({ constant: form.constant, terms }, linearOf(atom.args[0]), k);
        break;
      }
    }
  }
  return form === input ? form : mergeDivRem(form);
}

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));

/** Splits a form into the part whose coefficients are multiples of c (divided by c) and the rest. */
function split(form: LinearForm, c: number): { quotient: LinearForm; rest: LinearForm } {
  const q = new Map<Expr, number>();
  const r = new Map<Expr, number>();
  for (const [atom, k] of form.terms) {
    if (k % c === 0) q.set(atom, k / c);
    else r.set(atom, k);
  }
  const constant = Math.floor(form.constant / c);
  return { quotient: { constant, terms: q }, rest: { constant: form.constant - constant * c, terms: r } };
}

/** x div c for x ≥ 0 (a negative x has no meaning in indices, except where a guard hides it; see `ir.ts`). */
function divide(b: ExprBuilder, x: Expr, c: number): Expr | undefined {
  if (c === 1) return x;
  const range = rangeOf(x);
  if (range.min < 0) return undefined;
  if (range.max < c) return b.constant(0, 'int32');
  const { quotient, rest } = split(linearOf(x), c);
  const restRange = rangeOfLinear(rest);
  if (restRange.min >= 0) {
    if (restRange.max < c) return fromLinear(b, quotient);
    if (quotient.terms.size > 0 || quotient.constant !== 0) {
      const r = fromLinear(b, rest);
      return r && b.op('add', [fromLinear(b, quotient)!, b.op('div', [r, b.constant(c, 'int32')])]);
    }
  }
  const form = linearOf(x);
  let g = c;
  for (const k of form.terms.values()) g = gcd(g, k);
  if (g > 1) {
    const reduced = fromLinear(b, {
      constant: Math.floor(form.constant / g),
      terms: new Map([...form.terms].map(([a, k]) => [a, k / g])),
    });
    return reduced && b.op('div', [reduced, b.constant(c / g, 'int32')]);
  }
  if (x.kind === 'op' && x.op === 'div' && x.args[1].kind === 'const' && fitsInt32(c * x.args[1].value)) {
    return b.op('div', [x.args[0], b.constant(c * x.args[1].value, 'int32')]);
  }
  return undefined;
}

function remainder(b: ExprBuilder, op: 'rem' | 'mod', x: Expr, c: number): Expr | undefined {
  if (c === 1) return b.constant(0, 'int32');
  const range = rangeOf(x);
  if (range.min < 0) return undefined;
  if (range.max < c) return x;
  // One canonical name where both mean the same.
  if (op === 'mod') return b.op('rem', [x, b.constant(c, 'int32')]);
  const { quotient, rest } = split(linearOf(x), c);
  const restRange = rangeOfLinear(rest);
  if (restRange.min >= 0 && (restRange.max < c || quotient.terms.size > 0 || quotient.constant !== 0)) {
    const r = fromLinear(b, rest);
    return r && (restRange.max < c ? r : b.op('rem', [r, b.constant(c, 'int32')]));
  }
  if (x.kind === 'op' && x.op === 'rem' && x.args[1].kind === 'const' && x.args[1].value % c === 0) {
    return b.op('rem', [x.args[0], b.constant(c, 'int32')]);
  }
  return undefined;
}
