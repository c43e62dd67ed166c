/** From requests for values to jobs. */
import type { DeviceBuffer } from '../backend/interface.js';
import { DTYPES } from '../dtype.js';
import { leaf, type Node, sizeOf } from '../graph/node.js';
import { observer, refuseReplay } from '../graph/observer.js';
import { deviceStorage, hostStorage, type Storage } from '../graph/storage.js';
import { collect } from '../schedule/graph.js';
import { isAnomalyMode } from './anomaly.js';
import { type Device, deviceOf } from './device.js';
import { forget, keptNodes, unsettledNodes, withoutFailing } from './pending.js';
import { timed } from './recorder.js';
import { enqueue, type Job, prepare, staleError } from './run.js';
import { turnIfDue } from './yield.js';

export const newStorage = (node: Node, device: Device): Storage =>
  deviceStorage(node.dtype, sizeOf(node.shape), sizeOf(node.shape) * DTYPES[node.dtype].bytes, device);

/** Fetches values that tensors on this device take from tensors on another one. All reads are queued before it returns. */
async function fetchTransfers(leaves: readonly Storage[]): Promise<void> {
  await Promise.all(
    leaves.map(async (storage) => {
      if (!storage.source) return;
      storage.host = await fetchBytes(storage.source as Node, true);
      storage.source = null;
    }),
  );
}

/** Queues a job, with what it has to wait for before it can run: values of other devices, and the search for a NaN. */
export function submitJob(device: Device, job: Job): Promise<void> {
  if (observer?.dry) return Promise.resolve(job.plan).then(() => undefined);
  const watch = isAnomalyMode() && job.request;
  const transfers = job.leaves.some((l) => l.source) ? fetchTransfers(job.leaves) : null;
  if (!watch && !transfers) return enqueue(device, job);
  // A failure is reported when the job's turn comes, not before.
  transfers?.catch(() => undefined);
  return enqueue(device, job, async () => {
    if (transfers) await transfers;
    if (watch) await (await import('./find-nan.js')).checkAnomaly(device, watch);
  });
}

/** The tape of a realised node is needed only while a backward may still come through it, and never behind a leaf. */
export function release(node: Node): void {
  if (!node.requiresGrad || node.consumed || node.variable) node.inputs = [];
}

/** Nodes without a value, by the device that is to compute them. Throws StaleTensorError. */
function byDevice(nodes: readonly Node[]): Map<Device, Node[]> {
  const found = new Map<Device, Node[]>();
  for (const node of new Set(nodes)) {
    if (node.storage) {
      if (node.storage.overwrittenBy) throw staleError(node, node.storage.overwrittenBy);
      continue;
    }
    const device = deviceOf(node);
    const list = found.get(device);
    if (list) list.push(node);
    else found.set(device, [node]);
  }
  return found;
}

/**
 * Computes the values of nodes, all of one device in one plan; nodes that have a value are left alone.
 * The request is taken down synchronously: what happens to parameters later does not change it.
 */
export async function realizeNodes(nodes: readonly Node[]): Promise<void> {
  await compute(nodes);
  await turnIfDue();
}

/** `alone`: without what their devices have yet to compute, which may wait for these very nodes. */
function compute(nodes: readonly Node[], alone = false): Promise<unknown> {
  refuseReplay('it asks for values; return the tensors and read them outside');
  const runs = [...byDevice(nodes)].map(([device, wanted]) => submitRequest(device, wanted, alone));
  return Promise.all(runs);
}

/**
 * The same at once: the nodes have their (coming) values when it returns, so that what is recorded next takes them for leaves. A failure
 * stays with the value.
 */
export function submitValues(nodes: readonly Node[]): Promise<void> {
  const done = [...byDevice(nodes)].map(([device, wanted]) => {
    const outputs = wanted.map((n) => newStorage(n, device));
    const job = prepare(device, collect(wanted), outputs, []);
    observer?.submits(device, job, null);
    const done = submitJob(device, job);
    wanted.forEach((node, i) => {
      node.storage = outputs[i];
      node.device ??= device;
    });
    return done.then(() => wanted.forEach(release));
  });
  const all = Promise.all(done).then(() => undefined);
  all.catch(() => undefined);
  return all;
}

/** Computes what a device has yet to compute though nobody asks: it may need values that are about to be overwritten. */
export function submitPending(device: Device): void {
  const pending = [...new Set([...keptNodes(device), ...unsettledNodes(device)])];
  if (pending.length) withoutFailing(pending, submitValues);
}

async function submitRequest(device: Device, asked: readonly Node[], alone: boolean): Promise<void> {
  const unsettled = alone ? [] : unsettledNodes(device);
  const { extra, wanted, outputs, job } = withoutFailing(unsettled, (extra) => {
    const wanted = [...new Set([...asked, ...extra])];
    const outputs = wanted.map((n) => newStorage(n, device));
    return { extra, wanted, outputs, job: prepare(device, collect(wanted), outputs, []) };
  });
  try {
    await submitJob(device, job);
  } catch (e) {
    const hasPlan = await Promise.resolve(job.plan).then(
      () => true,
      () => false,
    );
    if (hasPlan || extra.length === 0) throw e;
    // As in `withoutFailing`, on a backend that compiles asynchronously.
    forget(new Set(extra));
    return submitRequest(device, asked, alone);
  }
  wanted.forEach((node, i) => {
    node.storage ??= outputs[i];
    node.device ??= device;
    release(node);
  });
}

/** The storage of a node whose value is on the host, or has been made on the device (or is about to be, by what was submitted). */
async function storageOf(node: Node, alone = false): Promise<Storage> {
  await compute([node], alone);
  const storage = node.storage!;
  if (storage.source) await fetchTransfers([storage]);
  if (storage.host) return storage;
  const device = deviceOf(node);
  if (!storage.buffer) await device.tail;
  if (storage.error) throw storage.error;
  if (storage.overwrittenBy) throw staleError(node, storage.overwrittenBy);
  device.check();
  return storage;
}

/** The bytes of a node's value, row-major: the caller's own copy. */
export async function readNode(node: Node): Promise<Uint8Array> {
  const bytes = await fetchBytes(node);
  // Not before the read: the device may have gathered work, which the read is to hand over with it.
  await turnIfDue();
  return bytes;
}

async function fetchBytes(node: Node, alone = false): Promise<Uint8Array> {
  const storage = await storageOf(node, alone);
  if (storage.host) return storage.host.slice();
  if (storage.bytes === 0) return new Uint8Array(0);
  const device = deviceOf(node);
  const read = () => device.backend.read(storage.buffer!, 0, storage.bytes);
  const bytes = await timed('read', `${storage.bytes} bytes`, device, read);
  device.caughtUp();
  return bytes;
}

/** Calls `use` with the buffer of a node's value. It is the value's until `use` returns, for commands that are submitted before. */
export async function useBufferOf<T>(
  node: Node,
  use: (buffer: DeviceBuffer, device: Device) => T,
): Promise<T> {
  const storage = await storageOf(node);
  const device = deviceOf(node);
  const result = use(device.bufferOf(storage), device);
  await turnIfDue();
  return result;
}

/** The same value on another device: host data are shared, device values are fetched when they are needed. */
export function transferNode(node: Node, device: Device): Node {
  if (node.storage?.host && !node.storage.overwrittenBy) {
    return leaf(hostStorage(node.dtype, node.storage.size, node.storage.host), node.shape, device);
  }
  const storage = newStorage(node, device);
  storage.source = node;
  return leaf(storage, node.shape, device);
}
