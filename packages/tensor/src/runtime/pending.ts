/** Pending values that are wanted though nobody asks for them by name: they are computed along with the next request. */
import { StaleTensorError } from '../errors.js';
import type { Node } from '../graph/node.js';
import type { DeviceHandle } from '../graph/storage.js';
import { collect } from '../schedule/graph.js';
import { planFor } from './compile.js';
import { currentDevice, deviceOf } from './device.js';

/** A handle whose node can be replaced: `Tensor` is one. */
export interface Handle {
  node: Node;
}

const MAX_KEPT = 32;
let kept: Node[] = [];

/** Marks pending nodes to be computed together with the next update. The latest 32 are remembered. */
export function keepNodes(nodes: readonly Node[]): void {
  kept = kept.filter((n) => !n.storage);
  for (const n of nodes) {
    if (n.storage || kept.includes(n)) continue;
    // Bound to the device of this moment: a later `use` must not draw it into another device's plans.
    n.device ??= currentDevice();
    kept.push(n);
  }
  if (kept.length > MAX_KEPT) kept = kept.slice(-MAX_KEPT);
}

let unsettled: WeakRef<Handle>[] = [];

const pendingNode = (ref: WeakRef<Handle>): Node | null => {
  const node = ref.deref()?.node;
  return node && !node.storage ? node : null;
};

/**
 * Marks handles that were moved to pending values (running statistics, parameters updated by hand): the node that such a handle is
 * on when the next request of its device runs is computed with it, so that no chain of updates grows. Unlike `keepNodes` it follows
 * the handle, and forgets none as long as the handle lives.
 */
export function settleHandles(handles: readonly Handle[]): void {
  unsettled = unsettled.filter(pendingNode);
  const known = new Set(unsettled.map((ref) => ref.deref()));
  for (const handle of handles)
    if (!handle.node.storage && !known.has(handle)) unsettled.push(new WeakRef(handle));
}

/** The pending nodes of unsettled handles on a device, except those of the handles that are about to be moved anyway. */
export function unsettledNodes(device: DeviceHandle, moving?: ReadonlySet<Handle>): Node[] {
  unsettled = unsettled.filter(pendingNode);
  return unsettled.flatMap((ref) => {
    const handle = ref.deref();
    return handle && !moving?.has(handle) && deviceOf(handle.node) === device ? [handle.node] : [];
  });
}

/** The kept nodes of a device that are still pending. */
export const keptNodes = (device: DeviceHandle): Node[] =>
  kept.filter((n) => !n.storage && deviceOf(n) === device);

/**
 * No longer adds these nodes to requests: one that failed (too large for the memory, say) would make the next ones fail too. They are
 * computed when they are asked for.
 */
export function forget(nodes: ReadonlySet<Node>): void {
  kept = kept.filter((n) => !nodes.has(n));
  unsettled = unsettled.filter((ref) => !nodes.has(ref.deref()?.node as Node));
}

/** Whether a pending value needs one that was overwritten. */
export const isStale = (node: Node): boolean => collect([node]).order.some((n) => n.storage?.overwrittenBy);

function hasNoPlan(node: Node): boolean {
  try {
    const plan = planFor(deviceOf(node), collect([node]));
    if (plan instanceof Promise) plan.catch(() => undefined);
    return false;
  } catch {
    return true;
  }
}

/**
 * Takes a request with pending values added to it. One of them that can never be computed, for it needs an overwritten value or a kernel
 * that does not compile, must not make requests fail that have nothing to do with it: it is forgotten, and says what happened when it is
 * itself asked for.
 */
export function withoutFailing<T>(extra: readonly Node[], take: (extra: readonly Node[]) => T): T {
  try {
    return take(extra);
  } catch (e) {
    const failing = new Set(extra.filter(e instanceof StaleTensorError ? isStale : hasNoPlan));
    if (failing.size === 0) throw e;
    forget(failing);
    return take(extra.filter((n) => !failing.has(n)));
  }
}
