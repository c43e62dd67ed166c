/** One element in, one element out: unary and binary primitives with PyTorch's promotion and broadcasting. */
import { DTYPES, type DType, isFloat, promoteTypes } from '../dtype.js';
import { DTypeError } from '../errors.js';
import { NO_ATTRS, type Node, record } from '../graph/node.js';
import { cast, toFloat } from './cast.js';
import { full, numberOperand, promoteNumber } from './create.js';
import { broadcastShapes } from './dims.js';
import { expandTo } from './movement.js';
import type { BinaryOp, CompareOp, UnaryOp } from './primitives.js';

/** What a user may write where an op wants a tensor. */
export type Operand = Node | number;

/** A constant of a formula, with the dtype of `x`. */
export const constant = (x: Node, value: number): Node => full([], value, x.dtype);

type DTypeClass = 'float' | 'integer' | 'bool';
const classOf = (dtype: DType): DTypeClass =>
  isFloat(dtype) ? 'float' : dtype === 'bool' ? 'bool' : 'integer';

/** What a unary op does with dtypes that it does not compute in: become float32, stay as they are, or fail. */
const UNARY_RULE: Readonly<Record<UnaryOp, 'toFloat' | 'keepInteger' | 'signed' | 'anyNumber' | 'bits'>> = {
  neg: 'signed',
  abs: 'anyNumber',
  sign: 'anyNumber',
  exp: 'toFloat',
  log: 'toFloat',
  expm1: 'toFloat',
  log1p: 'toFloat',
  sin: 'toFloat',
  cos: 'toFloat',
  atan: 'toFloat',
  sqrt: 'toFloat',
  reciprocal: 'toFloat',
  floor: 'keepInteger',
  ceil: 'keepInteger',
  round: 'keepInteger',
  trunc: 'keepInteger',
  erf: 'toFloat',
  tanh: 'toFloat',
  sigmoid: 'toFloat',
  relu: 'anyNumber',
  not: 'bits',
};

/** Applies a unary primitive. Throws DTypeError where PyTorch does. */
export function unary(op: UnaryOp, x: Node, name: string = op): Node {
  const kind = classOf(x.dtype);
  switch (UNARY_RULE[op]) {
    case 'toFloat':
      return record(op, [toFloat(x)], NO_ATTRS, x.shape, isFloat(x.dtype) ? x.dtype : 'float32');
    case 'keepInteger':
      if (kind === 'integer') return x;
      if (kind === 'bool') throw unaryDTypeError(name, x, 'float or integer');
      break;
    case 'bits':
      if (kind === 'float') throw unaryDTypeError(name, x, 'integer or bool');
      break;
    case 'signed':
    case 'anyNumber':
      if (kind === 'bool') throw unaryDTypeError(name, x, 'float or integer');
  }
  return record(op, [x], NO_ATTRS, x.shape, x.dtype);
}

const unaryDTypeError = (op: string, x: Node, wanted: string): DTypeError =>
  new DTypeError(`${op}: takes ${wanted} tensors, got ${x.dtype}; convert it with to(dtype)`);

/** dtype of an op on two tensors: one of rank 0 only decides when its category is higher, as torch.result_type. */
function resultType(a: Node, b: Node): DType {
  if (a.dtype === b.dtype) return a.dtype;
  const rankedA = a.shape.length > 0;
  const rankedB = b.shape.length > 0;
  if (rankedA === rankedB) return promoteTypes(a.dtype, b.dtype);
  const [ranked, lone] = rankedA ? [a.dtype, b.dtype] : [b.dtype, a.dtype];
  return DTYPES[ranked].category >= DTYPES[lone].category ? ranked : promoteTypes(ranked, lone);
}

/** Both operands as tensors of one dtype, not yet broadcast. Two numbers are two float32 scalars. */
export function promoteOperands(a: Operand, b: Operand): [Node, Node] {
  if (typeof a === 'number') {
    if (typeof b === 'number') return [numberOperand(a, 'float32'), numberOperand(b, 'float32')];
    const dtype = promoteNumber(b.dtype, a);
    return [numberOperand(a, dtype), cast(b, dtype)];
  }
  if (typeof b === 'number') {
    const dtype = promoteNumber(a.dtype, b);
    return [cast(a, dtype), numberOperand(b, dtype)];
  }
  const dtype = resultType(a, b);
  return [cast(a, dtype), cast(b, dtype)];
}

/** Broadcasts operands of one dtype against each other. */
function broadcastPair(op: string, a: Node, b: Node): [Node, Node] {
  const shape = broadcastShapes(op, a.shape, b.shape);
  return [expandTo(a, shape), expandTo(b, shape)];
}

/** Records a binary primitive on operands of one dtype; `name` is what the user called. */
export function binarySame(op: BinaryOp, x: Node, y: Node, name: string = op): Node {
  const inputs = broadcastPair(name, x, y);
  return record(op, inputs, NO_ATTRS, inputs[0].shape, x.dtype);
}

/** Applies a binary primitive after promotion. */
export function binary(op: BinaryOp, x: Operand, y: Operand, name: string = op): Node {
  const [a, b] = promoteOperands(x, y);
  return binarySame(op, a, b, name);
}

/** Compares after promotion; the result is bool. */
function compare(op: CompareOp, x: Operand, y: Operand, name: string = op): Node {
  const inputs = broadcastPair(name, ...promoteOperands(x, y));
  return record(op, inputs, NO_ATTRS, inputs[0].shape, 'bool');
}

/** `condition ? a : b` by element. The condition must be bool. */
export function where(condition: Node, x: Operand, y: Operand): Node {
  if (condition.dtype !== 'bool')
    throw new DTypeError(
      `where: the condition must be bool, got ${condition.dtype}; compare first, as in x.ne(0)`,
    );
  const [a, b] = promoteOperands(x, y);
  const shape = broadcastShapes('where', condition.shape, broadcastShapes('where', a.shape, b.shape));
  return record(
    'where',
    [expandTo(condition, shape), expandTo(a, shape), expandTo(b, shape)],
    NO_ATTRS,
    shape,
    a.dtype,
  );
}

export const eq = (x: Operand, y: Operand): Node => compare('eq', x, y);
export const ne = (x: Operand, y: Operand): Node => compare('ne', x, y);
export const lt = (x: Operand, y: Operand): Node => compare('lt', x, y);
export const le = (x: Operand, y: Operand): Node => compare('le', x, y);
export const gt = (x: Operand, y: Operand): Node => compare('lt', y, x, 'gt');
export const ge = (x: Operand, y: Operand): Node => compare('le', y, x, 'ge');
