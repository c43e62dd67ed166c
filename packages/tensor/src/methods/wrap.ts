/** From nodes to tensors and back. The class is bound here at run time, so that methods need not import it. */
import type { DType } from '../dtype.js';
import { ValueError } from '../errors.js';
import { Node } from '../graph/node.js';
import type { Tensor } from '../tensor.js';
import type { Shape } from '../types/shape.js';

let construct: (node: Node) => Tensor;

/** Called once, by the class. */
export function bindTensorClass(make: (node: Node) => Tensor): void {
  construct = make;
}

/** A tensor on a node. The caller's type says what shape and dtype the op's rules gave it. */
export function wrap<S extends Shape, D extends DType>(node: Node): Tensor<S, D> {
  return construct(node) as Tensor as Tensor<S, D>;
}

/** The node of a tensor argument; throws ValueError for anything else. */
export function nodeOf(op: string, x: Tensor): Node {
  const node = x?.node;
  if (node instanceof Node) return node;
  throw new ValueError(`${op}: expected a tensor, got ${describe(x)}`);
}

/** The operand that a tensor or number argument stands for; a boolean counts as 0 or 1. */
export const operand = (op: string, x: Tensor | number | boolean): Node | number =>
  typeof x === 'number' ? x : typeof x === 'boolean' ? Number(x) : nodeOf(op, x);

const describe = (x: unknown): string => (x === null ? 'null' : Array.isArray(x) ? 'an array' : typeof x);
