/** Doing again what a trace wrote down. */

import { leaf, type Node } from '../graph/node.js';
import type { Advance, Watched } from '../graph/observer.js';
import { deviceStorage, type Storage } from '../graph/storage.js';
import { hostValuesOf } from '../graph/variable.js';
import { wrap } from '../methods/wrap.js';
import { deviceOf } from './device.js';
import { submitJob, submitValues } from './realize.js';
import { staleError } from './run.js';
import type { Found, Left, Ref, Trace, TracedJob } from './trace.js';
import { moveToValue } from './update.js';

export interface Replayed {
  /** One node per result. */
  readonly results: readonly Node[];
  /** Resolves when everything has run; rejects as the function would have. */
  readonly done: Promise<void>;
}

interface Step {
  readonly advance: Advance;
  readonly job: number;
}

/**
 * Replays a trace on other arguments. A string says why it does not fit this call; nothing has happened then.
 * Throws what the function would have thrown at the same point (IndexError, StaleTensorError).
 */
export function replay(trace: Trace, args: readonly Watched[], results: readonly Left[]): Replayed | string {
  const handles = targetsOf(trace, args);
  if (typeof handles === 'string') return handles;
  const numbers = new Array<number>(trace.numbers).fill(0);
  trace.found.forEach((f, i) => {
    if (f.slot >= 0) numbers[f.slot] = handles[i].current.value;
  });
  const steps: Step[] = [];
  for (const { step, slots, job } of trace.steps) {
    const advance = step.again();
    if (typeof advance === 'string') {
      for (const s of steps.reverse()) s.advance.undo();
      return advance;
    }
    slots.forEach((slot, i) => {
      numbers[slot] = advance.values[i];
    });
    steps.push({ advance, job });
  }
  return run(trace, handles, numbers, steps, results);
}

/** This call's tensors in the places of the trace's, or why they do not fit. */
function targetsOf(trace: Trace, args: readonly Watched[]): Watched[] | string {
  for (const { device } of trace.jobs) device.check();
  const handles: Watched[] = [];
  const pending: Node[] = [];
  for (const f of trace.found) {
    const handle =
      f.argument >= 0 ? args[f.argument] : f.gradientOf >= 0 ? handles[f.gradientOf].gradient : f.handle;
    if (!handle) return 'a gradient that was there is not there any more';
    const problem = misfit(f, handle.current);
    if (problem) return problem;
    if (f.slot < 0 && !handle.current.storage) pending.push(handle.current);
    handles.push(handle);
  }
  for (const [i, slot] of trace.gradients)
    if (slot.read && slot.isSet !== (handles[i].gradient !== null))
      return `a gradient is ${slot.isSet ? 'not there any more' : 'there already'}`;
  for (const { what, value, seen } of trace.guarded) if (!Object.is(value(), seen)) return `${what} changed`;
  if (pending.length) submitValues(pending);
  for (const [i, f] of trace.found.entries()) {
    const storage = f.slot < 0 ? handles[i].current.storage : null;
    if (storage?.overwrittenBy) throw staleError(handles[i].current, storage.overwrittenBy);
    if (storage?.source) return 'a value has yet to come from another device';
  }
  for (const [i, k] of trace.shared)
    if (handles[i].current.storage !== handles[k].current.storage) return 'tensors no longer share a value';
  for (const { ref, look, outcome } of trace.inspected) {
    const { current } = handles[(ref as { handle: number }).handle];
    if (!Object.is(look(hostValuesOf(current)), outcome)) return 'values that decide about shapes changed';
  }
  return overwritesShared(trace, handles)
    ? 'a tensor shares its value with one that is overwritten'
    : handles;
}

function misfit(f: Found, node: Node): string | null {
  if (node.dtype !== f.dtype || deviceOf(node) !== f.device) return 'a tensor has another dtype or device';
  const { shape } = node;
  if (shape !== f.shape && (shape.length !== f.shape.length || shape.some((s, d) => s !== f.shape[d])))
    return 'a tensor has another shape';
  if (node.requiresGrad !== f.requiresGrad || (node.variable !== null) !== f.isVariable)
    return 'a tensor requires gradients, or no longer does';
  if (f.slot >= 0 && (node.storage !== null || node.op !== 'scalar'))
    return 'an argument was a runtime number';
  return null;
}

/** Two tensors that had values of their own may share one now; that is harmless until it is overwritten. */
function overwritesShared(trace: Trace, handles: readonly Watched[]): boolean {
  return trace.jobs.some(({ leaves, replaced }) => {
    const old = new Set<Storage>();
    for (const ref of replaced) {
      if (ref?.from !== 'start') continue;
      const { storage } = handles[ref.handle].current;
      if (old.has(storage!)) return true;
      old.add(storage!);
    }
    if (old.size === 0) return false;
    const seen = new Set<Storage>();
    for (const ref of leaves) {
      if (ref.from !== 'start') continue;
      const { storage } = handles[ref.handle].current;
      if (!old.has(storage!)) continue;
      if (seen.has(storage!)) return true;
      seen.add(storage!);
    }
    return false;
  });
}

function run(
  trace: Trace,
  handles: readonly Watched[],
  numbers: readonly number[],
  steps: readonly Step[],
  results: readonly Left[],
): Replayed {
  const start = handles.map((h) => h.current);
  const made: Storage[][] = [];
  const storageOf = (ref: Ref): Storage =>
    ref.from === 'start'
      ? start[ref.handle].storage!
      : ref.from === 'job'
        ? made[ref.job][ref.output]
        : ref.storage;
  const jobs = trace.jobs.map((traced) => {
    const job = bind(traced, numbers, storageOf);
    made.push(job.outputs);
    const done = submitJob(traced.device, job);
    if (traced.by) for (const storage of job.replaced) if (storage) storage.overwrittenBy = traced.by;
    return { done, job };
  });

  const nodes = new Map<Storage, Node>();
  const nodeOf = ({ ref, shape }: Left): Node => {
    if (ref.from === 'start') return start[ref.handle];
    const storage = storageOf(ref);
    let node = nodes.get(storage);
    if (!node) {
      node = leaf(storage, shape, ref.from === 'job' ? trace.jobs[ref.job].device : null);
      nodes.set(storage, node);
    }
    return node;
  };
  const moved = trace.lastValues.map(([i, value]) => {
    const handle = handles[i];
    const { ref } = value;
    if (ref.from !== 'job') handle.node = nodeOf(value);
    else nodes.set(storageOf(ref), moveToValue(handle, storageOf(ref), trace.jobs[ref.job].device));
    return { i, handle, ref, after: handle.current };
  });
  for (const [i, last] of trace.lastGradients) {
    if (last === null) handles[i].gradient = null;
    else if ('stale' in last) handles[i].gradient = last.stale;
    else handles[i].gradient = wrap(nodeOf(last));
  }
  const answers = results.map(nodeOf);

  const undo = (failed: number): void => {
    for (const storage of jobs[failed].job.replaced) if (storage) storage.overwrittenBy = null;
    for (const { i, handle, ref, after } of moved) {
      if (ref.from !== 'job' || ref.job !== failed || handle.current !== after) continue;
      const before = trace.jobs[failed].replaced[ref.output];
      if (before?.from === 'job') moveToValue(handle, storageOf(before), trace.jobs[failed].device);
      else handle.current = start[i];
    }
    for (const s of steps) if (s.job === failed) s.advance.failed?.();
  };
  const done = Promise.all(
    jobs.map(({ done }, k) =>
      done.catch((e) => {
        undo(k);
        throw e;
      }),
    ),
  )
    .then(() => Promise.all(steps.map(({ advance }) => advance.settle?.())))
    .then(() => undefined);
  done.catch(() => undefined);
  return { results: answers, done };
}

function bind(traced: TracedJob, numbers: readonly number[], storageOf: (ref: Ref) => Storage) {
  const { device, plan, leaves, scalars, outputs, replaced } = traced;
  return {
    request: null,
    plan: plan!,
    leaves: leaves.map(storageOf),
    scalars: scalars.map((s) => ('slot' in s ? numbers[s.slot] : s.value)),
    outputs: outputs.map((o) => deviceStorage(o.dtype, o.size, o.bytes, device)),
    replaced: replaced.map((ref) => ref && storageOf(ref)),
  };
}
