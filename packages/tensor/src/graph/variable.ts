/** Leaves that collect gradients. */
import { viewAs } from '../dtype.js';
import type { Tensor } from '../tensor.js';
import { leaf, NO_ATTRS, type Node, record, sizeOf } from './node.js';
import { hostStorage } from './storage.js';

/** The row-major bytes of a node whose value lies in host memory, else null. */
export function hostBytes(node: Node): Uint8Array | null {
  const { storage } = node;
  return storage?.host && !storage.overwrittenBy ? storage.host : null;
}

/** The values of a node that lie in host memory, else null. */
export function hostValuesOf(node: Node): ArrayLike<number> | null {
  const bytes = hostBytes(node);
  return bytes && viewAs(node.dtype, bytes);
}

/** Makes `node` a leaf that requires gradients and `handle` the tensor whose `grad` collects them. */
export function bindVariable(handle: Tensor, node: Node): void {
  const before = handle.node;
  node.requiresGrad = true;
  node.variable = handle;
  if (before.variable === handle) node.hooks = before.hooks;
  handle.node = node;
}

/**
 * A node of its own with the value of another one, without history. Writing to it in place leaves the other alone:
 * host bytes are shared and only ever read, a computed value is copied when it is realised.
 */
export function ownNode(node: Node): Node {
  const host = hostBytes(node);
  return host
    ? leaf(hostStorage(node.dtype, sizeOf(node.shape), host), node.shape, node.device)
    : record('detach', [node], NO_ATTRS, node.shape, node.dtype);
}
