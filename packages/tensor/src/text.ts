/** Tensors as nested arrays and as text. */
import { type DType, fromHalfBits, viewAs } from './dtype.js';
import type { Node } from './graph/node.js';
import { hostBytes } from './graph/variable.js';
import { showShape } from './ops/dims.js';

/** Numbers (booleans for dtype bool) in arrays of arrays. */
export type Nested = number | boolean | Nested[];

/** Flat row-major values as nested arrays. */
export function nest(values: ArrayLike<number>, shape: readonly number[], dtype: DType): Nested {
  let position = 0;
  const build = (dim: number): Nested => {
    if (dim < shape.length) return Array.from({ length: shape[dim] }, () => build(dim + 1));
    const value = values[position++];
    return dtype === 'bool' ? value !== 0 : value;
  };
  return build(0);
}

/** Of longer dimensions only so many elements at both ends are shown. */
const EDGE = 3;

/** A node's elements when they lie in host memory, else its op, shape and dtype. */
export function formatTensor(node: Node): string {
  const host = hostBytes(node);
  const grad = node.requiresGrad ? ', requiresGrad' : '';
  if (!host) return `Tensor(${node.op}, shape ${showShape(node.shape)}, ${node.dtype}${grad})`;
  const raw = viewAs(node.dtype, host);
  const text = (i: number) =>
    node.dtype === 'bool'
      ? `${raw[i] !== 0}`
      : formatNumber(node.dtype === 'float16' ? fromHalfBits(raw[i]) : raw[i]);
  return `Tensor(${formatBlock(text, node.shape, 0, 0)}, shape ${showShape(node.shape)}, ${node.dtype}${grad})`;
}

function formatBlock(
  text: (i: number) => string,
  shape: readonly number[],
  dim: number,
  offset: number,
): string {
  if (dim === shape.length) return text(offset);
  const block = shape.slice(dim + 1).reduce((a, b) => a * b, 1);
  const parts: string[] = [];
  for (let i = 0; i < shape[dim]; i++) {
    if (shape[dim] > 2 * EDGE && i === EDGE) {
      parts.push('…');
      i = shape[dim] - EDGE;
    }
    parts.push(formatBlock(text, shape, dim + 1, offset + i * block));
  }
  return `[${parts.join(dim === shape.length - 1 ? ', ' : `,\n${' '.repeat(8 + dim)}`)}]`;
}

const formatNumber = (x: number): string => (Number.isInteger(x) ? `${x}` : `${Number(x.toPrecision(5))}`);
