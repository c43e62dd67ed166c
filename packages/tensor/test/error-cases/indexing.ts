/** Wrong indexing. */
import { DTypeError, IndexError, ShapeError, ValueError, zeros } from '../../src/index.js';
import { type Case, int, x } from './case.js';

export const indexing: Case[] = [
  [
    'gather out of range',
    () => x.gather(1, int([[3]])),
    IndexError,
    'gather: index 3 at position 0 is out of range for a dimension of size 3',
  ],
  [
    'gather negative',
    () => x.gather(1, int([[0, -1]])),
    IndexError,
    'gather: index -1 at position 1 is out of range for a dimension of size 3',
  ],
  [
    'gather rank',
    () => x.gather(1, int([0])),
    ShapeError,
    'gather: index [1] must have the rank of [2, 3] and no larger size except in dim 1',
  ],
  [
    'gather dtype',
    () => x.gather(1, x),
    DTypeError,
    "gather: the index must be of an integer dtype, got float32; convert it with to('int32')",
  ],
  [
    'scatter source',
    () => x.scatter(1, int([[0], [1]]), zeros([1, 1])),
    ShapeError,
    'scatter: index [2, 1] must fit into source [1, 1]',
  ],
  [
    'scatter dtype',
    () => x.scatterAdd(1, int([[0]]), int([[1]])),
    DTypeError,
    'scatterAdd: source and target must have one dtype, got int32 and float32; convert one with to(dtype)',
  ],
  [
    'scatter mode',
    () => x.scatter(1, int([[0]]), 1, { reduce: 'max' as never }),
    ValueError,
    "scatter: reduce must be 'add' or 'multiply', got 'max'; scatterReduce knows more",
  ],
  [
    'scatterReduce',
    () => x.scatterReduce(1, int([[0]]), zeros([1, 1]), 'median' as never),
    ValueError,
    "scatterReduce: reduce must be one of sum, prod, amax, amin, mean, got 'median'",
  ],
  [
    'indexSelect',
    () => x.indexSelect(0, int([2])),
    IndexError,
    'indexSelect: index 2 at position 0 is out of range for a dimension of size 2',
  ],
  [
    'indexSelect rank',
    () => x.indexSelect(0, int([[0]])),
    ShapeError,
    'indexSelect: the index must be a vector, got shape [1, 1]',
  ],
  [
    'indexAdd',
    () => x.indexAdd(0, int([0]), zeros([2, 3])),
    ShapeError,
    'indexAdd: source [2, 3] must have shape [1, 3] for target [2, 3]',
  ],
  [
    'take',
    () => x.take(int([6])),
    IndexError,
    'take: index 6 at position 0 is out of range for a dimension of size 6',
  ],
  [
    'at',
    () => x.at(int([-3])),
    IndexError,
    'at: index -3 at position 0 is out of range for a dimension of size 2',
  ],
  [
    'oneHot',
    () => int([4]).oneHot(3),
    IndexError,
    'oneHot: index 4 at position 0 is out of range for a dimension of size 3',
  ],
  [
    'oneHot of computed',
    () => int([4]).add(1).oneHot(),
    ValueError,
    'oneHot: give numClasses; it follows from the values only for host data that is not empty',
  ],
];
