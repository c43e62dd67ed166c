/** Integer expressions as linear combinations, and the ranges that they can take. */
import type { Expr, VarExpr } from './ir.js';

/** constant + Σ coefficient·atom, where an atom is anything that is not itself a sum or a multiple. */
export interface LinearForm {
  constant: number;
  readonly terms: Map<Expr, number>;
}

const cache = new WeakMap<Expr, LinearForm>();

/** Any int32 expression as a linear form. Do not change the result: it is shared. */
export function linearOf(e: Expr): LinearForm {
  const known = cache.get(e);
  if (known) return known;
  const form = computeLinear(e);
  cache.set(e, form);
  return form;
}

function computeLinear(e: Expr): LinearForm {
  if (e.kind === 'const') return { constant: e.value, terms: new Map() };
  if (e.kind === 'op' && e.dtype === 'int32') {
    const [x, y] = e.args;
    if (e.op === 'add') return combine(linearOf(x), linearOf(y), 1);
    if (e.op === 'sub') return combine(linearOf(x), linearOf(y), -1);
    if (e.op === 'neg') return scale(linearOf(x), -1);
    if (e.op === 'mul') {
      if (y.kind === 'const') return scale(linearOf(x), y.value);
      if (x.kind === 'const') return scale(linearOf(y), x.value);
    }
  }
  return { constant: 0, terms: new Map([[e, 1]]) };
}

/** a + factor·b */
export function combine(a: LinearForm, b: LinearForm, factor: number): LinearForm {
  const terms = new Map(a.terms);
  for (const [atom, c] of b.terms) {
    const sum = (terms.get(atom) ?? 0) + factor * c;
    if (sum === 0) terms.delete(atom);
    else terms.set(atom, sum);
  }
  return { constant: a.constant + factor * b.constant, terms };
}

function scale(a: LinearForm, factor: number): LinearForm {
  const terms = new Map<Expr, number>();
  if (factor !== 0) for (const [atom, c] of a.terms) terms.set(atom, c * factor);
  return { constant: a.constant * factor, terms };
}

/** constant + Σ coefficient·variable. */
export interface AffineForm {
  readonly constant: number;
  readonly terms: ReadonlyMap<VarExpr, number>;
}

/** The affine form of an int32 expression, or undefined where it is not affine in loop variables. */
export function affineOf(e: Expr): AffineForm | undefined {
  const form = linearOf(e);
  for (const atom of form.terms.keys()) if (atom.kind !== 'var') return undefined;
  return form as AffineForm;
}

/** Inclusive bounds. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

const UNKNOWN: Range = { min: -(2 ** 31), max: 2 ** 31 - 1 };
const ranges = new WeakMap<Expr, Range>();

/** Bounds of an int32 or bool expression, from the sizes of its loop variables. */
export function rangeOf(e: Expr): Range {
  const known = ranges.get(e);
  if (known) return known;
  const range = computeRange(e);
  ranges.set(e, range);
  return range;
}

/** Bounds of a linear form. */
export function rangeOfLinear(form: LinearForm): Range {
  let min = form.constant;
  let max = form.constant;
  for (const [atom, c] of form.terms) {
    const r = rangeOf(atom);
    min += c > 0 ? c * r.min : c * r.max;
    max += c > 0 ? c * r.max : c * r.min;
  }
  return min < UNKNOWN.min || max > UNKNOWN.max ? UNKNOWN : { min, max };
}

function computeRange(e: Expr): Range {
  if (e.kind === 'const') return { min: e.value, max: e.value };
  if (e.kind === 'var') return { min: 0, max: Math.max(e.size - 1, 0) };
  if (e.dtype === 'bool') return { min: 0, max: 1 };
  if (e.kind !== 'op' || e.dtype !== 'int32') return UNKNOWN;
  const [x, y, z] = e.args;
  switch (e.op) {
    case 'add':
    case 'sub':
    case 'mul':
    case 'neg': {
      const form = linearOf(e);
      if (form.terms.size !== 1 || !form.terms.has(e)) return rangeOfLinear(form);
      if (e.op !== 'mul') return UNKNOWN;
      const a = rangeOf(x);
      const b = rangeOf(y);
      const corners = [a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max];
      const r = { min: Math.min(...corners), max: Math.max(...corners) };
      return r.min < UNKNOWN.min || r.max > UNKNOWN.max ? UNKNOWN : r;
    }
    case 'div': {
      const a = rangeOf(x);
      if (y.kind !== 'const' || y.value <= 0) return UNKNOWN;
      return { min: Math.trunc(a.min / y.value), max: Math.trunc(a.max / y.value) };
    }
    case 'rem':
    case 'mod': {
      const a = rangeOf(x);
      if (y.kind !== 'const' || y.value <= 0) return UNKNOWN;
      if (a.min >= 0) return { min: 0, max: Math.min(a.max, y.value - 1) };
      return { min: e.op === 'mod' ? 0 : 1 - y.value, max: y.value - 1 };
    }
    case 'min': {
      const a = rangeOf(x);
      const b = rangeOf(y);
      return { min: Math.min(a.min, b.min), max: Math.min(a.max, b.max) };
    }
    case 'max': {
      const a = rangeOf(x);
      const b = rangeOf(y);
      return { min: Math.max(a.min, b.min), max: Math.max(a.max, b.max) };
    }
    case 'where': {
      const a = rangeOf(y);
      const b = rangeOf(z);
      return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
    }
    case 'cast':
      return x.dtype === 'bool' ? { min: 0, max: 1 } : UNKNOWN;
    default:
      return UNKNOWN;
  }
}
