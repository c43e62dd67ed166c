/** Wrong contractions. */
import {
  type ConvAttrs,
  conv,
  DTypeError,
  randn,
  ShapeError,
  type Tensor,
  tensor,
  ValueError,
  zeros,
} from '../../src/index.js';
import { b, type Case, x } from './case.js';

const geometry: ConvAttrs = { stride: [1], padding: [[0, 0]], dilation: [1], inputDilation: [1], groups: 1 };

export const contractions: Case[] = [
  [
    'matmul',
    () => (randn([32, 784]) as Tensor).matmul(randn([128, 10])),
    ShapeError,
    'matmul: inner sizes differ: [32, 784] @ [128, 10] (784 vs 128)',
  ],
  [
    'matmul batches',
    () => (zeros([2, 3, 4]) as Tensor).matmul(zeros([5, 4, 3])),
    ShapeError,
    'matmul: batch sizes do not broadcast: [2, 3, 4] @ [5, 4, 3] ([2] vs [5])',
  ],
  [
    'matmul of rank 0',
    () => (tensor(1) as Tensor).matmul(x),
    ShapeError,
    'matmul: both operands need at least one dimension: [] @ [2, 3]',
  ],
  [
    'matmul dtypes',
    () => x.matmul(zeros([3, 2], { dtype: 'float64' })),
    DTypeError,
    'matmul: both operands must have one dtype, got float32 [2, 3] and float64 [3, 2]; convert one with to(dtype)',
  ],
  [
    'matmul of bools',
    () => b.matmul(b),
    DTypeError,
    "matmul: not defined for bool tensors; convert them with to('float32')",
  ],
  [
    'mm',
    () => x.mm(zeros([3]) as Tensor),
    ShapeError,
    'mm: expected ranks 2 and 2, got [2, 3] and [3]; use matmul',
  ],
  [
    'bmm',
    () => (zeros([2, 3, 4]) as Tensor).bmm(zeros([1, 4, 3])),
    ShapeError,
    'bmm: batch sizes differ: [2, 3, 4] @ [1, 4, 3] (2 vs 1)',
  ],
  [
    'dot',
    () => (zeros([3]) as Tensor).dot(zeros([4])),
    ShapeError,
    'dot: inner sizes differ: [3] @ [4] (3 vs 4)',
  ],
  [
    'conv channels',
    () => conv(zeros([1, 3, 8]), zeros([4, 2, 3]), geometry),
    ShapeError,
    'conv: channels differ: input [1, 3, 8], weight [4, 2, 3], groups 1 (3 vs 2 × 1)',
  ],
  [
    'conv rank',
    () => conv(zeros([1, 3, 8]), zeros([4, 3]), geometry),
    ShapeError,
    'conv: input and weight must have one rank of at least 2: input [1, 3, 8], weight [4, 3]',
  ],
  [
    'conv kernel',
    () => conv(zeros([1, 3, 2]), zeros([4, 3, 3]), geometry),
    ShapeError,
    'conv: the kernel is larger than the padded input in spatial dimension 0: input [1, 3, 2], weight [4, 3, 3] (3 vs 2)',
  ],
  [
    'conv groups',
    () => conv(zeros([1, 4, 8]), zeros([3, 2, 3]), { ...geometry, groups: 2 }),
    ShapeError,
    'conv: 3 output channels do not divide into 2 groups: input [1, 4, 8], weight [3, 2, 3]',
  ],
  [
    'conv stride',
    () => conv(zeros([1, 3, 8]), zeros([4, 3, 3]), { ...geometry, stride: [0] }),
    ValueError,
    'conv: stride must be integers of at least 1, got [0]',
  ],
  [
    'conv geometry',
    () => conv(zeros([1, 3, 8]), zeros([4, 3, 3]), { ...geometry, padding: [] }),
    ShapeError,
    'conv: padding has 0 entries for 1 spatial dimensions: input [1, 3, 8], weight [4, 3, 3]',
  ],
];
