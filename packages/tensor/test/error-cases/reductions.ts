/** Wrong reductions. */
import { DTypeError, ShapeError, zeros } from '../../src/index.js';
import { b, type Case, i, x } from './case.js';

export const reductions: Case[] = [
  ['sum', () => x.sum(2), ShapeError, 'sum: dim 2 is out of range for shape [2, 3] (expected -2 to 1)'],
  [
    'sum twice',
    () => x.sum([0, -2]),
    ShapeError,
    'sum: a dimension appears twice in [0, -2] for shape [2, 3]',
  ],
  [
    'mean of integers',
    () => i.mean(),
    DTypeError,
    "mean: takes float tensors, got int32; convert it with to('float32')",
  ],
  [
    'var of integers',
    () => i.var(),
    DTypeError,
    "var: takes float tensors, got int32; convert it with to('float32')",
  ],
  [
    'norm of integers',
    () => i.norm(),
    DTypeError,
    "norm: takes float tensors, got int32; convert it with to('float32')",
  ],
  [
    'softmax of integers',
    () => i.softmax(0),
    DTypeError,
    "softmax: takes float tensors, got int32; convert it with to('float32')",
  ],
  [
    'amax of nothing',
    () => zeros([2, 0]).amax(1),
    ShapeError,
    'amax: a dimension of size 0 has no extreme value: shape [2, 0], dims [1]',
  ],
  [
    'argmax of nothing',
    () => zeros([0]).argmax(),
    ShapeError,
    'argmax: a dimension of size 0 has no extreme value: shape [0], dims [0]',
  ],
  [
    'argmax of bool',
    () => b.argmax(),
    DTypeError,
    "argmax: takes float or integer tensors, got bool; convert it with to('int32')",
  ],
  ['max', () => x.max(5), ShapeError, 'max: dim 5 is out of range for shape [2, 3] (expected -2 to 1)'],
  [
    'cumsum',
    () => x.cumsum(2),
    ShapeError,
    'cumsum: dim 2 is out of range for shape [2, 3] (expected -2 to 1)',
  ],
  ['sort', () => x.sort(2), ShapeError, 'sort: dim 2 is out of range for shape [2, 3] (expected -2 to 1)'],
  ['topk', () => x.topk(4), ShapeError, 'topk: k = 4 is out of range for dim -1 of shape [2, 3] (size 3)'],
];
