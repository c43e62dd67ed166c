/** Gradients of reductions and scans. */
import type { ReduceOpName, ScanOp, Tensor } from '@neurite/tensor';
import { padded } from './movement.js';
import { type DifferentiableOp, filled, type InputRule, iota, primitive, type Rules } from './rule.js';

type Reduction = Extract<ReduceOpName | ScanOp, DifferentiableOp>;

/** t[i + by] along `dim`, and `value` where that is outside. */
function shifted(t: Tensor, dim: number, by: number, value: number): Tensor {
  const size = t.shape[dim];
  const inside = Math.max(size - Math.abs(by), 0);
  if (inside === 0) return filled(t, value);
  return by > 0
    ? padded(t.narrow(dim, by, inside), dim, 0, by, value)
    : padded(t.narrow(dim, 0, inside), dim, -by, 0, value);
}

/** The op on the elements from the last to the first. */
const backwards = (t: Tensor, dim: number, scan: (t: Tensor) => Tensor): Tensor =>
  scan(t.flip([dim])).flip([dim]);

/** The product of all the other elements along `dim`; no division, so zeros do no harm. */
function productOfOthers(a: Tensor, dim: number): Tensor {
  const before = shifted(a.cumprod(dim), dim, -1, 1);
  const after = shifted(
    backwards(a, dim, (t) => t.cumprod(dim)),
    dim,
    1,
    1,
  );
  return before.mul(after);
}

/** Product over several dimensions = product of products: the others in one dimension at a time. */
const productRule: InputRule<'prod'> = (g, [a], _, { dims }) => {
  let gradient = g;
  let partial = a;
  for (const dim of dims) {
    gradient = gradient.mul(productOfOthers(partial, dim));
    partial = partial.prod(dim, { keepdim: true });
  }
  return gradient.expand(a.shape);
};

/**
 * With y[k] = Π_{j≤k} a[j]: the gradient is y[i−1]·s[i], where s[i] = g[i] + a[i+1]·s[i+1]. That recurrence is solved by
 * doubling the stride (log₂ n steps without a division), so zeros are exact to every order.
 */
const cumprodRule: InputRule<'cumprod'> = (g, [a], y, { dim }) => {
  let sum = g;
  let factor = shifted(a, dim, 1, 0);
  for (let step = 1; step < a.shape[dim]; step *= 2) {
    sum = sum.add(factor.mul(shifted(sum, dim, step, 0)));
    factor = factor.mul(shifted(factor, dim, step, 0));
  }
  return shifted(y, dim, -1, 1).mul(sum);
};

/** Ties share evenly, as torch.amax. */
const sharedByTies: InputRule<'amax' | 'amin'> = (g, [a], y, { dims }) => {
  const winners = a.eq(y).to(a.dtype);
  return g.mul(winners).div(winners.sum(dims, { keepdim: true }));
};

/** All goes to the element that set the record, the latest one on ties, as torch.cummax; a NaN sets it too. */
const toRecordHolder: InputRule<'cummax' | 'cummin'> = (g, [a], y, { dim }) => {
  const record = a.eq(y).logicalOr(a.ne(a));
  const held = iota(a.shape, dim).maskedFill(record.logicalNot(), 0);
  const holder = primitive('cummax', [held], { dim }, a.shape);
  return filled(a, 0).scatterAdd(dim, holder, g);
};

export const reduction: Rules<Reduction> = {
  sum: [(g, [a]) => g.expand(a.shape)],
  prod: [productRule],
  amax: [sharedByTies],
  amin: [sharedByTies],
  cumsum: [(g, _, __, { dim }) => backwards(g, dim, (t) => t.cumsum(dim))],
  cumprod: [cumprodRule],
  cummax: [toRecordHolder],
  cummin: [toRecordHolder],
};
