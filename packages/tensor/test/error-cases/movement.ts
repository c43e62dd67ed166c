/** Wrong movement. */
import { cat, IndexError, ShapeError, stack, tensor, ValueError, zeros } from '../../src/index.js';
import { type Case, x, y } from './case.js';

export const movement: Case[] = [
  [
    'reshape',
    () => x.reshape(4, 2),
    ShapeError,
    'reshape: shape [4, 2] is invalid for input of size 6 with shape [2, 3]',
  ],
  [
    'reshape −1',
    () => x.reshape(4, -1),
    ShapeError,
    'reshape: shape [4, -1] is invalid for input of size 6 with shape [2, 3]',
  ],
  [
    'reshape two −1',
    () => x.reshape(-1, -1),
    ShapeError,
    'reshape: shape [-1, -1] is invalid for input of size 6 with shape [2, 3]',
  ],
  [
    'permute',
    () => x.permute(0, 0),
    ShapeError,
    'permute: [0, 0] is no permutation of the 2 dimensions of [2, 3]',
  ],
  [
    'transpose',
    () => x.transpose(0, 2),
    ShapeError,
    'transpose: dim 2 is out of range for shape [2, 3] (expected -2 to 1)',
  ],
  [
    'expand',
    () => x.expand(4, 3),
    ShapeError,
    'expand: shape [2, 3] does not expand to [4, 3] (only dimensions of size 1 can be repeated)',
  ],
  [
    'flatten',
    () => x.flatten(1, 0),
    ShapeError,
    'flatten: start dim 1 comes after end dim 0 for shape [2, 3]',
  ],
  [
    'unflatten',
    () => x.unflatten(1, [2, 2]),
    ShapeError,
    'unflatten: sizes [2, 2] do not multiply to 3, dim 1 of [2, 3]',
  ],
  [
    'unsqueeze',
    () => x.unsqueeze(4),
    ShapeError,
    'unsqueeze: dim 4 is out of range for shape [2, 3, 1] (expected -3 to 2)',
  ],
  [
    'narrow',
    () => x.narrow(1, 2, 2),
    ShapeError,
    'narrow: start 2 and length 2 exceed dim 1 of shape [2, 3] (size 3)',
  ],
  ['slice', () => x.slice(0, 0, 2, 0), ValueError, 'slice: step must be an integer of at least 1, got 0'],
  ['select', () => x.select(0, 2), IndexError, 'select: index 2 is out of range for dim 0 of shape [2, 3]'],
  ['flip', () => x.flip(0, 0), ShapeError, 'flip: a dimension appears twice in [0, 0] for shape [2, 3]'],
  ['pad', () => x.pad([[1, 1]]), ShapeError, 'pad: 1 pairs for the 2 dimensions of shape [2, 3]'],
  [
    'pad too negative',
    () =>
      x.pad([
        [0, 0],
        [-2, -2],
      ]),
    ShapeError,
    'pad: [-2, -2] does not fit dim 1 of shape [2, 3]',
  ],
  [
    'movedim',
    () => x.movedim([0, 1], 0),
    ShapeError,
    'movedim: source [0,1] and destination [0] must be distinct dimensions of equal number for shape [2, 3]',
  ],
  ['repeat', () => x.repeat(2), ShapeError, 'repeat: 1 counts for the 2 dimensions of shape [2, 3]'],
  ['split', () => x.split([1, 1], 1), ShapeError, 'split: sizes [1, 1] do not sum to 3, dim 1 of [2, 3]'],
  ['chunk', () => x.chunk(0), ValueError, 'chunk: the number of pieces must be a positive integer, got 0'],
  ['roll', () => x.roll([1, 2], 0), ShapeError, 'roll: 2 shifts for 1 dims'],
  [
    'cat',
    () => cat([x, zeros([2, 4])]),
    ShapeError,
    'cat: sizes must match except in dim 0: [2, 3] and [2, 4]',
  ],
  ['cat of none', () => cat([]), ShapeError, 'cat: expected at least one tensor'],
  [
    'cat of rank 0',
    () => cat([tensor(1), tensor(2)]),
    ShapeError,
    'cat: tensors of rank 0 cannot be joined; use stack',
  ],
  ['stack', () => stack([x, y]), ShapeError, 'stack: shapes must be equal: [2, 3] and [4, 3]'],
  ['at', () => x.at(0, 0, 0), ShapeError, 'at: 3 indices are too many for shape [2, 3]'],
  [
    'at computed mask',
    () => x.at(x.gt(0)),
    ValueError,
    'at: a bool index must be host data, because the shape follows from it; use where or maskedFill for computed masks',
  ],
  [
    'at mask shape',
    () => x.at(tensor([true])),
    ShapeError,
    'at: mask [1] does not fit shape [2, 3] at dim 0',
  ],
];
