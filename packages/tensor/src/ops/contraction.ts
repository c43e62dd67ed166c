/** Matrix products and convolution. */
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { NO_ATTRS, type Node, record, sizeOf } from '../graph/node.js';
import { lowered } from './autocast.js';
import { broadcastShapes, sameShape, showShape } from './dims.js';
import { expandTo, reshape } from './movement.js';
import type { ConvAttrs } from './primitives.js';

function requireSameDType(op: string, a: Node, b: Node): void {
  if (a.dtype !== b.dtype)
    throw new DTypeError(
      `${op}: both operands must have one dtype, got ${a.dtype} ${showShape(a.shape)} and ${b.dtype} ${showShape(b.shape)}; convert one with to(dtype)`,
    );
  if (a.dtype === 'bool')
    throw new DTypeError(`${op}: not defined for bool tensors; convert them with to('float32')`);
}

/**
 * PyTorch's matmul: ranks 1 and 2 as vectors and matrices, more dimensions as batches that broadcast.
 * With a matrix on the right the batch of the left side joins its rows, which makes one large product.
 */
export function matmul(left: Node, right: Node, name = 'matmul'): Node {
  const [a, b] = [lowered(left), lowered(right)];
  requireSameDType(name, a, b);
  const ra = a.shape.length;
  const rb = b.shape.length;
  if (ra === 0 || rb === 0)
    throw new ShapeError(
      `${name}: both operands need at least one dimension: ${showShape(a.shape)} @ ${showShape(b.shape)}`,
    );
  const k = a.shape[ra - 1];
  const inner = rb === 1 ? b.shape[0] : b.shape[rb - 2];
  if (k !== inner)
    throw new ShapeError(
      `${name}: inner sizes differ: ${showShape(a.shape)} @ ${showShape(b.shape)} (${k} vs ${inner})`,
    );
  if (ra === 1) {
    const product = matmul(reshape(a, [1, k]), b, name);
    return reshape(
      product,
      product.shape.filter((_, d) => d !== product.shape.length - (rb === 1 ? 1 : 2)),
    );
  }
  if (rb === 1) {
    const product = matmul(a, reshape(b, [k, 1]), name);
    return reshape(product, product.shape.slice(0, -1));
  }
  const m = a.shape[ra - 2];
  const n = b.shape[rb - 1];
  if (rb === 2) {
    const rows = sizeOf(a.shape.slice(0, -1));
    const product = record('matmul', [reshape(a, [rows, k]), b], NO_ATTRS, [rows, n], a.dtype);
    return reshape(product, [...a.shape.slice(0, -1), n]);
  }
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  const batch = sameShape(batchA, batchB) ? batchA : broadcastBatches(name, a, b, batchA, batchB);
  const inputs = [expandTo(a, [...batch, m, k]), expandTo(b, [...batch, k, n])];
  return record('matmul', inputs, NO_ATTRS, [...batch, m, n], a.dtype);
}

function broadcastBatches(name: string, a: Node, b: Node, x: readonly number[], y: readonly number[]) {
  try {
    return broadcastShapes(name, x, y);
  } catch (cause) {
    throw new ShapeError(
      `${name}: batch sizes do not broadcast: ${showShape(a.shape)} @ ${showShape(b.shape)} (${showShape(x)} vs ${showShape(y)})`,
      { cause },
    );
  }
}

/** A matmul that only takes operands of the given ranks (mm, bmm, mv, dot). */
export function matmulOfRanks(name: string, a: Node, b: Node, ranks: readonly [number, number]): Node {
  if (a.shape.length !== ranks[0] || b.shape.length !== ranks[1])
    throw new ShapeError(
      `${name}: expected ranks ${ranks[0]} and ${ranks[1]}, got ${showShape(a.shape)} and ${showShape(b.shape)}; use matmul`,
    );
  if (name === 'bmm' && a.shape[0] !== b.shape[0])
    throw new ShapeError(
      `bmm: batch sizes differ: ${showShape(a.shape)} @ ${showShape(b.shape)} (${a.shape[0]} vs ${b.shape[0]})`,
    );
  return matmul(a, b, name);
}

/**
 * The convolution primitive: input [n, g·c, x…], weight [g·o, c, t…] → [n, g·o, y…] (PyTorch's convNd without bias).
 * Throws ShapeError when ranks, channels or sizes do not fit, ValueError for geometry out of range.
 */
export function conv(x: Node, filter: Node, attrs: ConvAttrs): Node {
  const [input, weight] = [lowered(x), lowered(filter)];
  requireSameDType('conv', input, weight);
  const shapes = `input ${showShape(input.shape)}, weight ${showShape(weight.shape)}`;
  const spatial = input.shape.length - 2;
  if (spatial < 0 || weight.shape.length !== input.shape.length)
    throw new ShapeError(`conv: input and weight must have one rank of at least 2: ${shapes}`);
  const { stride, padding, dilation, inputDilation, groups } = attrs;
  for (const [name, list] of Object.entries({ stride, padding, dilation, inputDilation }))
    if (list.length !== spatial)
      throw new ShapeError(
        `conv: ${name} has ${list.length} entries for ${spatial} spatial dimensions: ${shapes}`,
      );
  for (const [name, list] of Object.entries({ stride, dilation, inputDilation, groups: [groups] }))
    if (list.some((v) => !Number.isInteger(v) || v < 1))
      throw new ValueError(`conv: ${name} must be integers of at least 1, got ${showShape(list)}`);
  if (padding.some((p) => !p.every(Number.isInteger)))
    throw new ValueError(`conv: padding must be integers, got ${JSON.stringify(padding)}`);
  const [batch, channels, ...size] = input.shape;
  const [outChannels, perGroup, ...kernel] = weight.shape;
  if (channels !== perGroup * groups)
    throw new ShapeError(
      `conv: channels differ: ${shapes}, groups ${groups} (${channels} vs ${perGroup} × ${groups})`,
    );
  if (outChannels % groups !== 0)
    throw new ShapeError(
      `conv: ${outChannels} output channels do not divide into ${groups} groups: ${shapes}`,
    );
  const outputSize = size.map((s, d) => {
    const dilated = s === 0 ? 0 : (s - 1) * inputDilation[d] + 1;
    const padded = dilated + padding[d][0] + padding[d][1];
    const reach = (kernel[d] - 1) * dilation[d] + 1;
    if (padded < reach)
      throw new ShapeError(
        `conv: the kernel is larger than the padded input in spatial dimension ${d}: ${shapes} (${reach} vs ${padded})`,
      );
    return Math.floor((padded - reach) / stride[d]) + 1;
  });
  return record('conv', [input, weight], attrs, [batch, outChannels, ...outputSize], input.dtype);
}
