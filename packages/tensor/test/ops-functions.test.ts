/** PyTorch's rarer functions, written with others: one hand-computed case each, and the errors of their own. */
import { beforeAll, describe, expect, test } from 'vitest';
import { reference } from '../src/backend/reference.js';
import * as n from '../src/index.js';

beforeAll(async () => {
  await n.use(reference(), { log: false });
});

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const t = (data: n.TensorData): n.Tensor => n.tensor(data);
const round = (x: unknown): unknown =>
  Array.isArray(x)
    ? x.map(round)
    : typeof x === 'number' && Number.isFinite(x)
      ? Math.round(x * 1e4) / 1e4
      : x;
const m22 = () =>
  t([
    [1, 2],
    [3, 4],
  ]);
const m23 = () =>
  t([
    [1, 2, 3],
    [4, 5, 6],
  ]);

type Case = [name: string, compute: () => n.Tensor, expected: unknown];

const special: Case[] = [
  ['copysign', () => n.copysign(t([1, -2, 3]), t([-1, 1, -0])), [-1, 2, -3]],
  ['signbit', () => n.signbit(t([-0, 0, -1, 1])), [true, false, true, false]],
  ['fmax', () => n.fmax(t([1, nan, 3]), t([2, 2, nan])), [2, 2, 3]],
  ['fmin', () => n.fmin(t([1, nan, 3]), t([2, 2, nan])), [1, 2, 3]],
  ['heaviside', () => n.heaviside(t([-1, 0, 2]), t([0.5])), [0, 0.5, 1]],
  ['hypot', () => n.hypot(t([3]), t([4])), [5]],
  ['xlogy', () => n.xlogy(t([0, 0, 2]), t([0, nan, 1])), [0, nan, 0]],
  ['sinc', () => n.sinc(t([0, 0.5])), [1, 0.6366]],
  ['logit', () => n.logit(t([0.5, 1]), 0.25), [0, 1.0986]],
  ['ldexp', () => n.ldexp(t([3]), t([2]).int()), [12]],
  ['isclose', () => n.isclose(t([1, inf, nan, 1]), t([1 + 1e-7, inf, nan, 2])), [true, true, false, false]],
  ['isin', () => n.isin(t([1, 2, 3]), t([3, 1])), [true, false, true]],
  ['bucketize', () => n.bucketize(t([0, 2, 5]), t([1, 2, 3])), [0, 1, 3]],
  ['rsub', () => n.rsub(t([1, 2]), 10, { alpha: 2 }), [8, 6]],
  ['addcmul', () => n.addcmul(t([1]), t([2]), t([3]), { value: 0.5 }), [4]],
  ['addcdiv', () => n.addcdiv(t([1]), t([3]), t([2]), { value: 2 }), [4]],
  ['deg2rad', () => n.deg2rad(t([36])), [0.6283]],
  ['floatPower', () => n.floatPower(t([3]).int(), 0.5), [1.7321]],
];

const matrix: Case[] = [
  ['addmm', () => n.addmm(t([[nan, 1]]), t([[1, 2]]), m22(), { beta: 0, alpha: 2 }), [[14, 20]]],
  ['baddbmm', () => n.baddbmm(n.ones([1, 1, 1]), n.ones([1, 1, 3]), n.ones([1, 3, 1])), [[[4]]]],
  [
    'outer',
    () => n.outer(t([1, 2]), t([3, 4])),
    [
      [3, 4],
      [6, 8],
    ],
  ],
  ['inner', () => n.inner(m22(), t([1, 10])), [21, 43]],
  [
    'tensordot',
    () => n.tensordot(m23(), m23(), [[1], [1]]),
    [
      [14, 32],
      [32, 77],
    ],
  ],
  ['kron', () => n.kron(t([1, 2]), t([3, 4])), [3, 4, 6, 8]],
  ['cross', () => n.cross(t([1, 0, 0]), t([0, 1, 0])), [0, 0, 1]],
  [
    'cdist',
    () =>
      n.cdist(
        t([[0, 0]]),
        t([
          [3, 4],
          [0, 1],
        ]),
      ),
    [[5, 1]],
  ],
  [
    'tril',
    () => n.tril(m23()),
    [
      [1, 0, 0],
      [4, 5, 0],
    ],
  ],
  [
    'triu',
    () => n.triu(m23(), 1),
    [
      [0, 2, 3],
      [0, 0, 6],
    ],
  ],
  [
    'diag of a vector',
    () => n.diag(t([1, 2]), -1),
    [
      [0, 0, 0],
      [1, 0, 0],
      [0, 2, 0],
    ],
  ],
  ['diag of a matrix', () => n.diag(m23(), 1), [2, 6]],
  ['diagonal', () => n.diagonal(m23().unsqueeze(0), 0, 1, 2), [[1, 5]]],
  [
    'diagonalScatter',
    () => n.diagonalScatter(n.zeros([2, 3]), t([7, 8]), 1),
    [
      [0, 7, 0],
      [0, 0, 8],
    ],
  ],
  [
    'diagEmbed',
    () => n.diagEmbed(t([[1, 2]])),
    [
      [
        [1, 0],
        [0, 2],
      ],
    ],
  ],
  ['trace', () => n.trace(m23()), 6],
  [
    'blockDiag',
    () => n.blockDiag(t([[1, 2]]), t(3)),
    [
      [1, 2, 0],
      [0, 0, 3],
    ],
  ],
  [
    'trilIndices',
    () => n.trilIndices(2, 2),
    [
      [0, 1, 1],
      [0, 0, 1],
    ],
  ],
];

const shaping: Case[] = [
  [
    'rot90',
    () => n.rot90(m22()),
    [
      [2, 4],
      [1, 3],
    ],
  ],
  ['hstack', () => n.hstack([t([1]), t([2])]), [1, 2]],
  ['vstack', () => n.vstack([t([1]), t([2])]), [[1], [2]]],
  ['dstack', () => n.dstack([t([1]), t([2])]), [[[1, 2]]]],
  [
    'columnStack',
    () => n.columnStack([t([1, 2]), t([3, 4])]),
    [
      [1, 3],
      [2, 4],
    ],
  ],
  ['tensorSplit', () => n.tensorSplit(n.arange(5), 2)[0], [0, 1, 2]],
  ['tensorSplit at positions', () => n.tensorSplit(n.arange(5), [1, 3])[1], [1, 2]],
  [
    'unfold',
    () => n.unfold(n.arange(5), 0, 3, 2),
    [
      [0, 1, 2],
      [2, 3, 4],
    ],
  ],
  [
    'meshgrid',
    () => n.meshgrid([t([1, 2]), t([3, 4])], { indexing: 'xy' })[0],
    [
      [1, 2],
      [1, 2],
    ],
  ],
  [
    'selectScatter',
    () => n.selectScatter(m22(), t([8, 9]), 0, -1),
    [
      [1, 2],
      [8, 9],
    ],
  ],
  [
    'broadcastTensors',
    () => n.broadcastTensors(t([1, 2]), t([[3], [4]]))[1],
    [
      [3, 3],
      [4, 4],
    ],
  ],
];

const statistics: Case[] = [
  ['median', () => n.median(t([5, 1, 4, 2])), 2],
  ['median of NaN', () => n.median(t([5, nan, 4])), nan],
  ['median along a dimension', () => n.median(m23(), 1, { keepdim: true })[1], [[1], [1]]],
  ['kthvalue', () => n.kthvalue(t([5, 1, 4]), 2)[0], 4],
  ['nansum', () => n.nansum(t([1, nan, 2])), 3],
  [
    'nanmean',
    () =>
      n.nanmean(
        t([
          [1, nan],
          [2, 4],
        ]),
        1,
      ),
    [1, 3],
  ],
  ['aminmax', () => n.aminmax(m23())[1], 6],
  ['diff', () => n.diff(t([1, 4, 9, 16]), 2), [2, 2]],
  ['diff with ends', () => n.diff(t([1, 4]), 1, -1, { prepend: t([0]), append: t([9]) }), [1, 3, 5]],
  ['trapezoid', () => n.trapezoid(t([1, 2, 3]), t([0, 2, 3])), 5.5],
  ['cumulativeTrapezoid', () => n.cumulativeTrapezoid(t([1, 2, 3]), null, { dx: 2 }), [3, 8]],
  [
    'cov',
    () =>
      n.cov(
        t([
          [1, 2, 3],
          [1, 0, 5],
        ]),
      ),
    [
      [1, 2],
      [2, 7],
    ],
  ],
  [
    'corrcoef',
    () =>
      n.corrcoef(
        t([
          [1, 2, 3],
          [3, 2, 1],
        ]),
      ),
    [
      [1, -1],
      [-1, 1],
    ],
  ],
];

const einsum: Case[] = [
  [
    'product',
    () => n.einsum('ij,jk->ik', m22(), m23()),
    [
      [9, 12, 15],
      [19, 26, 33],
    ],
  ],
  [
    'implied output',
    () => n.einsum('ba', m23()),
    [
      [1, 4],
      [2, 5],
      [3, 6],
    ],
  ],
  ['batch', () => n.einsum('bi,bi->b', m23(), m23()), [14, 77]],
  ['diagonal', () => n.einsum('ii->i', m22()), [1, 4]],
  ['trace', () => n.einsum('ii', m22()), 5],
  ['three operands', () => n.einsum('i,ij,j->', t([1, 2]), m22(), t([1, 1])), 17],
  ['ellipsis', () => n.einsum('...i,i->...', m23(), t([1, 0, 1])), [4, 10]],
  ['sum of one side', () => n.einsum('ij,k->k', m22(), t([1, 2])), [10, 20]],
  [
    'outer',
    () => n.einsum('i,j->ji', t([1, 2]), t([3, 4])),
    [
      [3, 6],
      [4, 8],
    ],
  ],
];

describe.each(Object.entries({ special, matrix, shaping, statistics, einsum }))('%s', (_family, cases) => {
  test.each(cases)('%s', async (_name, compute, expected) => {
    expect(round(await compute().array())).toEqual(expected);
  });
});

describe('errors', () => {
  const cases: [string, () => unknown, new (m: string) => Error, string][] = [
    [
      'tensordot',
      () => n.tensordot(m22(), m23(), [[0], [1]]),
      n.ShapeError,
      'tensordot: contracted sizes differ: [2] of [2, 2] and [3] of [2, 3]',
    ],
    [
      'cross',
      () => n.cross(m22(), m22(), 0),
      n.ShapeError,
      'cross: dimension 0 of [2, 2] @ [2, 2] must have size 3',
    ],
    ['tril', () => n.tril(t([1])), n.ShapeError, 'tril: needs at least 2 dimensions, got shape [1]'],
    ['trace', () => n.trace(t([1])), n.ShapeError, 'trace: needs a matrix, got shape [1]'],
    [
      't',
      () => n.t(n.zeros([1, 2, 3])),
      n.ShapeError,
      't: needs at most 2 dimensions, got shape [1, 2, 3]; use transpose',
    ],
    [
      'unfold',
      () => n.unfold(t([1, 2]), 0, 3, 1),
      n.ShapeError,
      'unfold: windows of 3, 1 apart, do not fit dim 0 of shape [2]',
    ],
    [
      'einsum operands',
      () => n.einsum('ij,jk->ik', m22()),
      n.ValueError,
      "einsum: 'ij,jk->ik' names 2 operands, got 1",
    ],
    [
      'einsum rank',
      () => n.einsum('ijk->i', m22()),
      n.ShapeError,
      "einsum: term 'ijk' of 'ijk->i' does not fit shape [2, 2]",
    ],
    [
      'einsum sizes',
      () => n.einsum('ij,jk->ik', m23(), m23()),
      n.ShapeError,
      "einsum: label 'j' of 'ij,jk->ik' has sizes 3 and 2",
    ],
    [
      'einsum output',
      () => n.einsum('ij->k', m23()),
      n.ValueError,
      "einsum: 'ij->k' has an output label 'k' that no operand has",
    ],
  ];
  test.each(cases)('%s', (_name, call, error, message) => {
    expect(call).toThrow(error);
    expect(call).toThrow(message);
  });
});
