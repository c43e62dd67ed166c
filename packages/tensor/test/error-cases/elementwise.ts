/** Wrong elementwise. */
import { DTypeError, ShapeError, type Tensor, ValueError, where, zeros } from '../../src/index.js';
import { b, type Case, i, x, y } from './case.js';

export const elementwise: Case[] = [
  [
    'add',
    () => x.add(y),
    ShapeError,
    'add: shapes do not broadcast: [2, 3] and [4, 3] (2 vs 4 in dimension 0; sizes must be equal or 1)',
  ],
  [
    'gt',
    () => x.gt(y),
    ShapeError,
    'gt: shapes do not broadcast: [4, 3] and [2, 3] (4 vs 2 in dimension 0; sizes must be equal or 1)',
  ],
  [
    'floorDivide',
    () => x.floorDivide(y),
    ShapeError,
    'floorDivide: shapes do not broadcast: [2, 3] and [4, 3] (2 vs 4 in dimension 0; sizes must be equal or 1)',
  ],
  [
    'logicalAnd',
    () => x.logicalAnd(zeros([2])),
    ShapeError,
    'logicalAnd: shapes do not broadcast: [2, 3] and [2] (3 vs 2 in dimension 1; sizes must be equal or 1)',
  ],
  [
    'where',
    () => where(b as Tensor<readonly number[], 'bool'>, x, y),
    ShapeError,
    'where: shapes do not broadcast: [2, 3] and [4, 3] (2 vs 4 in dimension 0; sizes must be equal or 1)',
  ],
  [
    'where condition',
    () => where(x as never, x, x),
    DTypeError,
    'where: the condition must be bool, got float32; compare first, as in x.ne(0)',
  ],
  ['sub of bools', () => b.sub(b), DTypeError, 'sub: not defined for two bool tensors; use logicalXor'],
  [
    'neg of bool',
    () => b.neg(),
    DTypeError,
    'neg: takes float or integer tensors, got bool; convert it with to(dtype)',
  ],
  [
    'floor of bool',
    () => b.floor(),
    DTypeError,
    'floor: takes float or integer tensors, got bool; convert it with to(dtype)',
  ],
  [
    'bitwiseAnd of floats',
    () => x.bitwiseAnd(x),
    DTypeError,
    "bitwiseAnd: not defined for float32 operands; convert them with to('int32')",
  ],
  [
    'bitwiseNot of floats',
    () => x.bitwiseNot(),
    DTypeError,
    'bitwiseNot: takes integer or bool tensors, got float32; convert it with to(dtype)',
  ],
  [
    'bitcast',
    () => x.bitcast('int8'),
    DTypeError,
    "bitcast: float32 and int8 do not have the same bits; use to('int8')",
  ],
  [
    'pow of integers',
    () => i.pow(-2),
    ValueError,
    'pow: integers to the negative power -2 are not allowed; convert to a float dtype first',
  ],
  ['clamp', () => x.clamp(), ValueError, 'clamp: give min, max or both'],
  ['no operand', () => x.mul(undefined as never), ValueError, 'mul: expected a tensor, got undefined'],
  [
    'to',
    () => x.to('int64' as never),
    ValueError,
    "to: 'int64' is no dtype; there are float32, float16, float64, int32, uint32, int8, uint8, bool",
  ],
];
