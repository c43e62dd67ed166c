/** In-place updates: what optimizers do, as one plan with everything that is still wanted. */
import { DeviceError } from '../errors.js';
import { leaf, NO_ATTRS, type Node, record } from '../graph/node.js';
import { observer } from '../graph/observer.js';
import type { DeviceHandle, Storage } from '../graph/storage.js';
import { collect } from '../schedule/graph.js';
import { deviceOf } from './device.js';
import { forget, type Handle, keptNodes, unsettledNodes, withoutFailing } from './pending.js';
import { newStorage, release, submitJob } from './realize.js';
import { prepare } from './run.js';
import { turnIfDue } from './yield.js';

export interface Assignment {
  readonly target: Handle;
  readonly value: Handle;
}

/** Re-points a handle to a leaf with a (coming) value. A leaf that collects gradients stays one. */
export function moveToValue(target: Handle, storage: Storage, device: DeviceHandle | null): Node {
  const before = target.node;
  const fresh = leaf(storage, before.shape, device);
  if (before.variable === target) {
    fresh.requiresGrad = before.requiresGrad;
    fresh.variable = target;
    fresh.hooks = before.hooks;
  }
  target.node = fresh;
  return fresh;
}

/**
 * Computes all values in one plan, together with the kept tensors, and re-points every target to its new value, in the
 * target's memory where that is possible. The targets' old nodes are stale from the moment of the call, and the targets
 * themselves can be used at once: what is recorded on them runs after this update.
 */
export function updateHandles(assignments: readonly Assignment[], by: string): Promise<void> {
  if (assignments.length === 0) return Promise.resolve();
  const device = deviceOf(assignments[0].value.node);
  for (const { value } of assignments)
    if (deviceOf(value.node) !== device)
      throw new DeviceError(
        `${by}: parameters are on ${device.name} and ${deviceOf(value.node).name}; use one optimizer per device`,
      );
  const moving = new Set(assignments.map((a) => a.target));
  const old = assignments.map(({ target }) => (target.node.storage ? target.node : null));
  const pending = [...new Set([...keptNodes(device), ...unsettledNodes(device, moving)])];
  const { extra, values, outputs, job } = withoutFailing(pending, (extra) => {
    const seen = new Set<Node>(extra);
    const values = assignments.map(({ value: { node } }) => {
      // A value that exists already, that is kept, or that two targets share, is copied: each target owns its memory.
      const own =
        node.storage || seen.has(node) ? record('detach', [node], NO_ATTRS, node.shape, node.dtype) : node;
      seen.add(own);
      return own;
    });
    const roots = [...values, ...extra];
    const outputs = roots.map((n) => newStorage(n, device));
    const replaced = old.map((n) => n?.storage ?? null);
    return { extra, values, outputs, job: prepare(device, collect(roots, old), outputs, replaced) };
  });
  observer?.submits(device, job, by);

  const before = assignments.map(({ target }) => target.node);
  const after = assignments.map(({ target }, i) => {
    const { storage } = target.node;
    if (storage) storage.overwrittenBy = by;
    return moveToValue(target, outputs[i], device);
  });
  extra.forEach((node, i) => {
    node.storage = outputs[values.length + i];
  });
  return finish();

  async function finish(): Promise<void> {
    try {
      await submitJob(device, job);
    } catch (e) {
      undo();
      throw e;
    }
    extra.forEach(release);
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
    forget(new Set(extra));
  }
}
