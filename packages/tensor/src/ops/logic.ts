/** Truth values and bits. */
import { isFloat } from '../dtype.js';
import { DTypeError } from '../errors.js';
import type { Node } from '../graph/node.js';
import { full } from './create.js';
import { binarySame, ne, type Operand, promoteOperands, unary } from './elementwise.js';

/** Everything but zero is true. */
export const truth = (x: Node): Node => (x.dtype === 'bool' ? x : ne(x, 0));

const truthOperand = (x: Operand): Node => (typeof x === 'number' ? full([], x ? 1 : 0, 'bool') : truth(x));

export const logicalAnd = (x: Operand, y: Operand): Node =>
  binarySame('and', truthOperand(x), truthOperand(y), 'logicalAnd');
export const logicalOr = (x: Operand, y: Operand): Node =>
  binarySame('or', truthOperand(x), truthOperand(y), 'logicalOr');
export const logicalXor = (x: Operand, y: Operand): Node =>
  binarySame('xor', truthOperand(x), truthOperand(y), 'logicalXor');
export const logicalNot = (x: Node): Node => unary('not', truth(x));

/** Bitwise on integers, logical on bools; `name` is what the user called. */
export function bitwise(
  op: 'and' | 'or' | 'xor' | 'shl' | 'shr',
  x: Operand,
  y: Operand,
  name: string = op,
): Node {
  const [a, b] = promoteOperands(x, y);
  if (isFloat(a.dtype) || (a.dtype === 'bool' && (op === 'shl' || op === 'shr')))
    throw new DTypeError(`${name}: not defined for ${a.dtype} operands; convert them with to('int32')`);
  return binarySame(op, a, b, name);
}

export const bitwiseNot = (x: Node): Node => unary('not', x, 'bitwiseNot');
