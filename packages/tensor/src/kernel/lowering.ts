/**
 * Shared lowering: ops that a backend does not spell, through ops that it does. No backend needs erf, tanh or pow, nor
 * even exp; what cannot be expressed is refused by name.
 */
import { type DType, isFloat } from '../dtype.js';
import { NeuriteError } from '../errors.js';
import { type Algebra, algebraOf } from './algebra.js';
import { INTEGER_RANGE } from './exact.js';
import { type ExprBuilder, rewrite } from './expr.js';
import type { Expr, Kernel, OpExpr, Phase, ScalarOp } from './ir.js';
import * as exact from './lower-exact.js';
import * as math from './lower-math.js';
import { demandsOf } from './traverse.js';

/** An op through others, or undefined where it has no such form. `m` spells ops on the op's own arguments. */
type Rule = (m: Algebra, args: readonly Expr[], supported: ReadonlySet<ScalarOp>) => Expr | undefined;

const never: Rule = () => undefined;
const unary =
  (f: (m: Algebra, x: Expr) => Expr): Rule =>
  (m, [x]) =>
    f(m, x);
const binary =
  (f: (m: Algebra, x: Expr, y: Expr) => Expr | undefined): Rule =>
  (m, [x, y]) =>
    f(m, x, y);
/** Only in float32: the form reads the bits of a float. */
const singleOnly =
  (f: (m: Algebra, x: Expr) => Expr): Rule =>
  (m, [x]) =>
    m.dtype === 'float32' ? f(m, x) : undefined;

const RULES: Readonly<Record<ScalarOp, Rule>> = {
  neg: unary((m, x) => (isFloat(m.dtype) ? m.mul(x, m.number(-1)) : m.sub(m.number(0), x))),
  abs: unary(exact.abs),
  sign: unary(exact.sign),
  exp: singleOnly(math.exp),
  log: singleOnly(math.log),
  expm1: unary(math.expm1),
  log1p: unary(math.log1p),
  sin: unary((m, x) => math.sine(m, x, 0)),
  cos: unary((m, x) => math.sine(m, x, 1)),
  atan: unary(math.atan),
  sqrt: never,
  reciprocal: unary((m, x) => m.div(m.number(1), x)),
  floor: unary(exact.floor),
  ceil: unary((m, x) => m.neg(m.floor(m.neg(x)))),
  round: unary(exact.round),
  trunc: (m, [x], supported) => exact.trunc(m, x, supported),
  erf: unary(math.erf),
  tanh: unary(math.tanh),
  sigmoid: unary(math.sigmoid),
  not: unary(exact.not),
  add: never,
  sub: binary((m, x, y) => m.add(x, m.neg(y))),
  mul: never,
  div: never,
  rem: binary(exact.rem),
  mod: binary(exact.mod),
  pow: binary((m, x, y) =>
    isFloat(m.dtype) ? math.pow(m, x, y) : exact.integerPower(m, x, y, bitsOf(m.dtype)),
  ),
  max: binary(exact.max),
  min: binary(exact.min),
  eq: (m, [x, y], supported) => exact.eq(m, x, y, supported),
  ne: binary((m, x, y) => m.not(m.eq(x, y))),
  lt: binary((m, x, y) => m.and(m.le(x, y), m.ne(x, y))),
  le: binary((m, x, y) => m.or(m.lt(x, y), m.eq(x, y))),
  and: binary(exact.and),
  or: binary(exact.or),
  xor: binary(exact.xor),
  shl: never,
  shr: never,
  where: never,
  cast: never,
  bitcast: never,
  randomBits: (m, [k0, k1, c0, c1]) => exact.randomBits(m, k0, k1, c0, c1),
};

/** Binary digits of an integer dtype's greatest value. */
const bitsOf = (dtype: DType): number => Math.round(Math.log2(INTEGER_RANGE[dtype]![1]));

/** Ops whose arguments have another dtype than the result, so that float16 cannot be widened around them. */
const UNWIDENED: ReadonlySet<ScalarOp> = new Set(['cast', 'bitcast', 'where', 'eq', 'ne', 'lt', 'le']);

/**
 * The kernel with every scalar op outside `supported` rewritten. `builder` is the one that made the kernel's expressions.
 * Float16 ops that need more than a formula are computed in float32. Throws NeuriteError for an op that has no form in
 * the supported ones.
 */
export function lowerScalarOps(
  kernel: Kernel,
  builder: ExprBuilder,
  supported: ReadonlySet<ScalarOp>,
): Kernel {
  if ([...demandsOf(kernel).ops].every((op) => supported.has(op))) return kernel;

  const lowered = new Map<Expr, Expr>();
  const lower = (e: Expr, within: readonly string[]): Expr =>
    rewrite(builder, e, (part) => (part.kind === 'op' ? lowerOp(part, within) : undefined), lowered);

  /** `within` are the ops being expanded: one that needs itself has no form. */
  function lowerOp(e: OpExpr, within: readonly string[]): Expr | undefined {
    if (supported.has(e.op)) return undefined;
    const dtype = e.op === 'where' ? e.dtype : e.args[0].dtype;
    const name = `${e.op} of ${dtype}`;
    const refusal = () =>
      new NeuriteError(`${kernel.name}: ${name} has no form in the scalar ops that the backend supports`);
    if (within.includes(name)) throw refusal();
    const widened = dtype === 'float16' && !UNWIDENED.has(e.op);
    const expanded = widened ? widen(e) : RULES[e.op](algebraOf(builder, dtype), e.args, supported);
    if (!expanded) throw refusal();
    return lower(expanded, [...within, name]);
  }

  function widen(e: OpExpr): Expr {
    const args = e.args.map((x) => builder.op('cast', [x], 'float32'));
    return builder.op('cast', [builder.op(e.op, args)], 'float16');
  }

  const top = (e: Expr) => lower(e, []);
  const phase = (p: Phase): Phase => ({
    ...p,
    reductions: p.reductions.map((r) => ({ ...r, value: top(r.value) })),
    stores: p.stores.map((s) => ({
      ...s,
      index: top(s.index),
      value: top(s.value),
      guard: s.guard && top(s.guard),
    })),
  });
  return { ...kernel, nests: kernel.nests.map((nest) => ({ ...nest, phases: nest.phases.map(phase) })) };
}
