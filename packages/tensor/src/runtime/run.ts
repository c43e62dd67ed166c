/** Runs plans: binds values, memory and runtime scalars, hands the commands over, and settles what became of the results. */
import type { BufferKind, BufferSlice, Command, DeviceBuffer } from '../backend/interface.js';
import { StaleTensorError } from '../errors.js';
import { type Node, opName } from '../graph/node.js';
import type { Storage } from '../graph/storage.js';
import type { Request } from '../schedule/graph.js';
import { bytesOf } from '../schedule/plan.js';
import { type CompiledPlan, isHostProgram, planFor } from './compile.js';
import type { Device } from './device.js';
import { recorder } from './recorder.js';
import { stats } from './stats.js';

/** A request with everything that it will need when its turn comes, taken at the time of the call. */
export interface Job {
  /** Null for a replay, which has no graph. */
  readonly request: Request | null;
  readonly plan: CompiledPlan | Promise<CompiledPlan>;
  /** Storages of leaf nodes, in the order of the request's nodes. */
  readonly leaves: readonly Storage[];
  readonly scalars: readonly number[];
  /** Where each root's value goes. */
  readonly outputs: readonly Storage[];
  /** Storages whose values are replaced: their memory is freed, or taken over by an output. */
  readonly replaced: readonly (Storage | null)[];
}

/**
 * Takes down leaves and scalars now: they may be re-pointed before the job runs. The plan is looked up now as well, because
 * the request's nodes may get values, or lose their inputs, before then. Throws StaleTensorError, DeviceError.
 */
export function prepare(
  device: Device,
  request: Request,
  outputs: readonly Storage[],
  replaced: readonly (Storage | null)[],
): Job {
  device.check();
  const leaves: Storage[] = [];
  const scalars: number[] = [];
  for (const node of request.order) {
    if (node.storage) {
      const { overwrittenBy } = node.storage;
      if (overwrittenBy) throw staleError(node, overwrittenBy, request);
      leaves.push(node.storage);
    } else if (node.op === 'scalar') scalars.push(node.value);
  }
  const plan = planFor(device, request);
  // A job that fails before it awaits its plan must not leave a rejection unhandled.
  if (plan instanceof Promise) plan.catch(() => undefined);
  return { request, plan, leaves, scalars, outputs, replaced };
}

export function staleError(node: Node, by: string, request?: Request): StaleTensorError {
  const user = request?.order.find((n) => !n.storage && n.inputs.includes(node));
  const asked = request ? request.order[request.roots[0]] : node;
  const what = user
    ? `a pending ${opName(asked)} tensor [${asked.shape.join(', ')}] needs (through ${opName(user)})`
    : 'this tensor was';
  const value = user
    ? ` the value of a [${node.shape.join(', ')}] tensor that ${by} has overwritten`
    : ` overwritten by ${by}`;
  return new StaleTensorError(`${what}${value}; read it before the update, or mark it with keep(t)`);
}

/**
 * Queues a job behind the device's earlier ones; runs it at once when there are none. What it still has to wait for (`prelude`) it
 * waits for in its turn, so that jobs run in the order of the calls. The prelude must not queue anything on the same device.
 */
export function enqueue(device: Device, job: Job, prelude?: () => Promise<void>): Promise<void> {
  recorder?.follows(device);
  const run = async (previous: Promise<void> | null) => {
    if (previous) await previous;
    try {
      if (prelude) await prelude();
      await execute(device, job);
    } catch (e) {
      for (const output of job.outputs) output.error ??= e;
      throw e;
    }
  };
  const result = run(device.tail);
  const settled = result.then(
    () => undefined,
    () => undefined,
  );
  device.tail = settled;
  settled.then(() => {
    if (device.tail === settled) device.tail = null;
  });
  return result;
}

/** Runs a job now; only for the job whose turn it is. */
export async function execute(device: Device, job: Job): Promise<void> {
  device.check();
  for (const leaf of job.leaves) {
    if (leaf.error) throw leaf.error;
  }
  const plan = job.plan instanceof Promise ? await job.plan : job.plan;
  const { maxBufferBytes } = device.backend.capabilities;
  if (plan.largestBytes > maxBufferBytes || plan.peakBytes > device.available())
    throw (await import('./lack-of-memory.js')).lackOfMemory(device, plan);

  const { graph } = plan;
  const owned: DeviceBuffer[] = [];
  const take = (bytes: number, kind: BufferKind): DeviceBuffer => {
    const buffer = device.allocate(bytes, kind);
    owned.push(buffer);
    return buffer;
  };
  const slices = new Map<number, BufferSlice>();
  device.beginRun();
  try {
    graph.leaves.forEach((node, i) =>
      slices.set(node, { buffer: device.bufferOf(job.leaves[i]), byteOffset: 0 }),
    );
    const scratch = plan.slots.map((bytes) => take(bytes, 'other'));
    for (const [node, { slot, byteOffset }] of plan.scratch)
      slices.set(node, { buffer: scratch[slot], byteOffset });
    for (const root of graph.roots)
      if (!plan.inPlace.has(root))
        slices.set(root, { buffer: take(bytesOf(graph, root), 'result'), byteOffset: 0 });
    const steps = submitSteps(device, plan, job, slices);
    if (steps) await steps;
    for (const buffer of scratch) {
      owned.splice(owned.indexOf(buffer), 1);
      device.free(buffer);
    }
  } catch (e) {
    for (const buffer of owned) device.free(buffer);
    throw e;
  }
  settle(device, plan, job, slices);
  device.trimUploads();
  const pace = device.keepPace();
  if (pace) await pace;
}

/** Submits the kernels; with work of the host in between, its inputs come there and its results go back. */
function submitSteps(
  device: Device,
  plan: CompiledPlan,
  job: Job,
  slices: ReadonlyMap<number, BufferSlice>,
): Promise<void> | undefined {
  const command = (i: number): Command => {
    const step = plan.steps[i];
    if (step.kind !== 'kernel') throw new Error('not a kernel');
    return {
      program: plan.programs[i]!,
      buffers: step.bound.buffers.map((n) => slices.get(n)!),
      scalars: step.bound.scalars.map((s) => job.scalars[s]),
    };
  };
  if (recorder || !plan.steps.every((s, i) => s.kind === 'kernel' && !isHostProgram(plan.programs[i])))
    return import('./host-steps.js').then(({ runSteps }) => runSteps(device, plan, slices, command));
  const commands = plan.steps.map((_, i) => command(i));
  stats.kernelsRun += commands.length;
  if (commands.length) device.backend.submit(commands);
  return undefined;
}

/** Gives each result its memory and frees what was replaced. */
function settle(
  device: Device,
  plan: CompiledPlan,
  job: Job,
  slices: ReadonlyMap<number, BufferSlice>,
): void {
  const { graph } = plan;
  const leafStorage = new Map(graph.leaves.map((n, i) => [n, job.leaves[i]]));
  graph.roots.forEach((root, i) => {
    const leaf = plan.inPlace.get(root);
    if (leaf === undefined) return device.own(job.outputs[i], slices.get(root)!.buffer);
    const old = leafStorage.get(leaf)!;
    old.host = null;
    device.pass(old, job.outputs[i]);
  });
  for (const old of job.replaced) {
    if (!old) continue;
    const buffer = old.device === device ? device.disown(old) : null;
    old.host = null;
    if (buffer) device.free(buffer);
  }
}
