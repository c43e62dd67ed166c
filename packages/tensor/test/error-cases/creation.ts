/** Wrong creation. */
import {
  arange,
  bernoulli,
  DTypeError,
  eye,
  fromBytes,
  linspace,
  rand,
  ShapeError,
  tensor,
  ValueError,
  zeros,
} from '../../src/index.js';
import { type Case, i } from './case.js';

export const creation: Case[] = [
  [
    'ragged',
    () => tensor([[1, 2], [3]]),
    ShapeError,
    'tensor: nested arrays must form a box: expected 2 entries at depth 1 of shape [2, 2], got 1',
  ],
  [
    'mixed depth',
    () => tensor([1, [2]] as never),
    ShapeError,
    'tensor: nested arrays must form a box: expected a number at depth 1 of shape [2], got 1',
  ],
  [
    'tensor shape',
    () => tensor([1, 2, 3], { shape: [2, 2] }),
    ShapeError,
    'tensor: 3 elements do not fill shape [2, 2] (4 elements)',
  ],
  ['sizes', () => zeros([2, -1]), ShapeError, 'full: sizes must be integers of at least 0, got [2, -1]'],
  ['random sizes', () => rand([1.5]), ShapeError, 'rand: sizes must be integers of at least 0, got [1.5]'],
  ['eye', () => eye(-1), ShapeError, 'eye: sizes must be integers of at least 0, got [-1, -1]'],
  [
    'linspace',
    () => linspace(0, 1, 1.5),
    ShapeError,
    'linspace: sizes must be integers of at least 0, got [1.5]',
  ],
  ['arange', () => arange(0, 5, -1), ValueError, 'arange: the step -1 leads away from 5, starting at 0'],
  ['arange step 0', () => arange(0, 5, 0), ValueError, 'arange: no range from 0 to 5 in steps of 0'],
  [
    'fromBytes',
    () => fromBytes(new Uint8Array(7), [2], 'float32'),
    ShapeError,
    'fromBytes: 7 bytes do not fill shape [2] of float32 (8 bytes)',
  ],
  [
    'requiresGrad',
    () => zeros([2], { dtype: 'int32', requiresGrad: true }),
    DTypeError,
    'requiresGrad: only float tensors can require gradients, got int32',
  ],
  [
    'rand dtype',
    () => rand([2], { dtype: 'int32' }),
    DTypeError,
    'rand: takes a float dtype, got int32; use randint',
  ],
  [
    'bernoulli dtype',
    () => bernoulli(i),
    DTypeError,
    'bernoulli: the probabilities must be floats, got int32',
  ],
];
