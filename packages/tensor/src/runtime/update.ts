/** In-place updates: what optimizers do, as one plan with everything that is still wanted. */
import { DeviceError } from '../errors.js';
import { leaf, NO_ATTRS, type Node, record } from '../graph/node.js';
import type { DeviceHandle } from '../graph/storage.js';
import { collect } from '../schedule/graph.js';
import { checkAnomaly, isAnomalyMode } from './anomaly.js';
import { currentDevice } from './device.js';
import { deviceOf, fetchTransfers, newStorage } from './realize.js';
import { enqueue, prepare } from './run.js';
import { turnIfDue } from './yield.js';

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
 * Marks handles that were moved to pending values (running statistics, loaded weights): the node that such a handle is on when the
 * next update runs is computed with it. Unlike `keepNodes` it follows the handle, and forgets none as long as the handle lives.
 */
export function settleHandles(handles: readonly Handle[]): void {
  unsettled = unsettled.filter(pendingNode);
  const known = new Set(unsettled.map((ref) => ref.deref()));
  for (const handle of handles)
    if (!handle.node.storage && !known.has(handle)) unsettled.push(new WeakRef(handle));
}

/** Takes the pending nodes of unsettled handles on a device, except those of the handles that are about to be moved anyway. */
function takeUnsettled(device: DeviceHandle, moving: ReadonlySet<Handle>): Node[] {
  const here = unsettled.filter((ref) => pendingNode(ref) && deviceOf(ref.deref()!.node) === device);
  unsettled = unsettled.filter((ref) => !here.includes(ref));
  return here
    .map((ref) => ref.deref()!)
    .filter((handle) => !moving.has(handle))
    .map((handle) => handle.node);
}

export interface Assignment {
  readonly target: Handle;
  readonly value: Handle;
}

/**
 * Computes all values in one plan, together with the kept tensors, and re-points every target to its new value, in the
 * target's memory where that is possible. The targets' old nodes are stale from the moment of the call, and the targets
 * themselves can be used at once: what is recorded on them runs after this update.
 */
export function updateHandles(assignments: readonly Assignment[], by: string): Promise<void> {
  if (assignments.length === 0) return Promise.resolve();
  const device = deviceOf(assignments[0].value.node);
  const seen = new Set<Node>();
  const values = assignments.map(({ value }) => {
    const node = value.node;
    if (deviceOf(node) !== device)
      throw new DeviceError(
        `${by}: parameters are on ${device.name} and ${deviceOf(node).name}; use one optimizer per device`,
      );
    // A value that exists already, or that two targets share, is copied: each target owns its memory.
    const own =
      node.storage || seen.has(node) ? record('detach', [node], NO_ATTRS, node.shape, node.dtype) : node;
    seen.add(own);
    return own;
  });
  const wanted = new Set([
    ...kept.filter((n) => !n.storage && deviceOf(n) === device),
    ...takeUnsettled(device, new Set(assignments.map((a) => a.target))),
  ]);
  const extra = [...wanted].filter((n) => !seen.has(n));
  kept = kept.filter((n) => deviceOf(n) !== device);
  const old = assignments.map(({ target }) => (target.node.storage ? target.node : null));
  const roots = [...values, ...extra];
  const request = collect(roots, old);
  const outputs = roots.map((n) => newStorage(n, device));
  const job = prepare(
    device,
    request,
    outputs,
    old.map((n) => n?.storage ?? null),
  );

  const before = assignments.map(({ target }) => target.node);
  const after = assignments.map(({ target }, i) => {
    const fresh = leaf(outputs[i], target.node.shape, device);
    const before = target.node;
    if (before.variable === target) {
      fresh.requiresGrad = before.requiresGrad;
      fresh.variable = target;
      fresh.hooks = before.hooks;
    }
    if (before.storage) before.storage.overwrittenBy = by;
    target.node = fresh;
    return fresh;
  });
  extra.forEach((node, i) => {
    node.storage = outputs[values.length + i];
  });
  return finish();

  async function finish(): Promise<void> {
    try {
      if (job.leaves.some((l) => l.source)) await fetchTransfers(job.leaves);
      if (isAnomalyMode()) await checkAnomaly(device, request);
      await enqueue(device, job);
    } catch (e) {
      undo();
      throw e;
    }
    for (const node of extra) if (!node.requiresGrad || node.consumed) node.inputs = [];
    await turnIfDue();
  }
  /** A step that failed (no memory, a NaN found, a kernel that does not compile) leaves every target as it was. */
  function undo(): void {
    assignments.forEach(({ target }, i) => {
      if (target.node !== after[i]) return;
      target.node = before[i];
      const { storage } = before[i];
      if (storage) storage.overwrittenBy = null;
    });
    extra.forEach((node, i) => {
      if (node.storage === outputs[values.length + i]) node.storage = null;
    });
  }
}
