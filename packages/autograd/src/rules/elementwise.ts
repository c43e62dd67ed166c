/** Gradients of the elementwise ops; subgradients at kinks and the values at 0 and ±∞ are PyTorch's. */
import type { BinaryOp, Shape, Tensor, UnaryOp } from '@neurite/tensor';
import { type DifferentiableOp, filled, type InputRule, type Rules } from './rule.js';

type Elementwise = Extract<UnaryOp | BinaryOp | 'where' | 'cast', DifferentiableOp>;
type Condition = Tensor<Shape, 'bool'>;
type Binary = InputRule<BinaryOp>;

/** Steps have slope 0: PyTorch returns zeros, not "no gradient". */
const flat = [(_g: Tensor, [a]: readonly Tensor[]) => filled(a, 0)];

/** d(a^b)/da = b·a^(b−1), and 0 at b = 0 even where a^(b−1) is infinite (a = 0) or NaN. */
const powerBase: Binary = (g, [a, b]) => {
  const singular = b.eq(0).logicalAnd(a.abs().gt(0).logicalNot());
  return g.mul(b.mul(a.maskedFill(singular, 1).pow(b.sub(1))));
};

/** d(a^b)/db = a^b·ln a, and 0 for 0^b with b ≥ 0. */
const powerExponent: Binary = (g, [a, b], y) =>
  g.mul(y.mul(a.maskedFill(a.eq(0).logicalAnd(b.ge(0)), 1).log()));

/** All of the gradient where `a` wins, half of it on a tie; NaN compares false and lets it pass. */
const winner = (a: Tensor, b: Tensor, g: Tensor, lost: Condition): Tensor =>
  g.mul(0.5).where(a.eq(b), g).maskedFill(lost, 0);

export const elementwise: Rules<Elementwise> = {
  neg: [(g) => g.neg()],
  relu: [(g, _, y) => g.maskedFill(y.le(0), 0)],
  abs: [(g, [a]) => g.mul(a.sign())],
  sign: flat,
  exp: [(g, _, y) => g.mul(y)],
  log: [(g, [a]) => g.div(a)],
  expm1: [(g, _, y) => g.mul(y.add(1))],
  log1p: [(g, [a]) => g.div(a.add(1))],
  sin: [(g, [a]) => g.mul(a.cos())],
  cos: [(g, [a]) => g.mul(a.sin().neg())],
  atan: [(g, [a]) => g.div(a.mul(a).add(1))],
  sqrt: [(g, _, y) => g.div(y.mul(2))],
  reciprocal: [(g, _, y) => g.mul(y.mul(y).neg())],
  floor: flat,
  ceil: flat,
  round: flat,
  trunc: flat,
  erf: [
    (g, [a]) =>
      g.mul(
        a
          .mul(a)
          .neg()
          .exp()
          .mul(2 / Math.sqrt(Math.PI)),
      ),
  ],
  tanh: [(g, _, y) => g.mul(y.mul(y).neg().add(1))],
  sigmoid: [(g, _, y) => g.mul(y.mul(y.neg().add(1)))],
  add: [(g) => g, (g) => g],
  sub: [(g) => g, (g) => g.neg()],
  mul: [(g, [, b]) => g.mul(b), (g, [a]) => g.mul(a)],
  div: [(g, [, b]) => g.div(b), (g, [, b], y) => g.neg().mul(y.div(b))],
  // rem is fmod (quotient truncated), mod is remainder (quotient floored).
  rem: [(g) => g, (g, [a, b]) => g.neg().mul(a.div(b, { roundingMode: 'trunc' }))],
  mod: [(g) => g, (g, [a, b]) => g.neg().mul(a.div(b, { roundingMode: 'floor' }))],
  pow: [powerBase, powerExponent],
  max: [(g, [a, b]) => winner(a, b, g, a.lt(b)), (g, [a, b]) => winner(a, b, g, a.gt(b))],
  min: [(g, [a, b]) => winner(a, b, g, a.gt(b)), (g, [a, b]) => winner(a, b, g, a.lt(b))],
  where: [null, (g, [c]) => g.maskedFill(c.logicalNot(), 0), (g, [c]) => g.maskedFill(c as Condition, 0)],
  cast: [(g, [a]) => g.to(a.dtype)],
};
