/** The slot for whoever watches what a function does with tensors: `compile`, while it traces. */
import type { Device } from '../runtime/device.js';
import type { Job } from '../runtime/run.js';
import type { Node } from './node.js';

/** A tensor as a watcher sees it: what stands behind `node` and `grad`. */
export interface Watched {
  node: Node;
  current: Node;
  gradient: Watched | null;
}

/** What going on by one step gave. */
export interface Advance {
  /** New values of the step's scalars. */
  readonly values: readonly number[];
  /** Takes the step back: nothing has been run yet. */
  readonly undo: () => void;
  /** Takes back what must not stay when the step's plan fails. */
  readonly failed?: () => void;
  /** Called when the step's plan has run: brings state of the host in line with what the device decided. */
  readonly settle?: () => Promise<void>;
}

/** Work of the host inside a traced function: numbers for the plan, and state that moves on with them. */
export interface HostStep {
  /** What it belongs to and how: the same in every call that does the same. */
  readonly key: readonly unknown[];
  /** The scalar nodes that were recorded with its numbers. */
  readonly scalars: readonly Node[];
  /** Does it again, without a graph. A string says why that cannot be. */
  readonly again: () => Advance | string;
  /** Takes back the call that was traced. */
  readonly undo: () => void;
}

/** What a function decided from values that lie in host memory. */
export type Outcome = string | number | boolean | null;
export type Look<T extends Outcome> = (values: ArrayLike<number> | null) => T;

export interface Observer {
  /** Plans are made and compiled, but not run. */
  readonly dry: boolean;
  makes(handle: Watched): void;
  reads(handle: Watched): void;
  moves(handle: Watched): void;
  readsGradient(handle: Watched): void;
  movesGradient(handle: Watched): void;
  inspects(node: Node, look: Look<Outcome>, outcome: Outcome): void;
  guards(what: string, value: () => unknown): void;
  advances(step: HostStep): void;
  /** A plan was handed over; `by` names an update in place. */
  submits(device: Device, job: Job, by: string | null): void;
  /** The function cannot be replayed. */
  refuses(reason: string): void;
}

/** The watcher, or null. Read it through this binding at each use: it comes and goes. */
export let observer: Observer | null = null;

/** Runs `fn` under a watcher, or (null) unwatched. */
export function watched<T>(by: Observer | null, fn: () => T): T {
  const before = observer;
  observer = by;
  let result: T;
  try {
    result = fn();
  } catch (e) {
    observer = before;
    throw e;
  }
  if (by && result instanceof Promise) {
    return result.finally(() => {
      observer = before;
    }) as T;
  }
  observer = before;
  return result;
}

/**
 * Tells `compile` that what is being recorded depends on a value of the program (the mode of a module): a replay compares it and
 * traces again where it differs. Does nothing outside a trace.
 */
export const guard = (what: string, value: () => unknown): void => observer?.guards(what, value);

/**
 * Tells `compile` how state of the host moves on in this call (an optimizer's step count, a schedule), and which scalars were made
 * from it, so that a replay can do the same without recording. Does nothing outside a trace.
 */
export const hostStep = (step: HostStep): void => observer?.advances(step);

/** Tells `compile` that a call cannot be replayed, and why: it is then run as it stands each time. Does nothing outside a trace. */
export const refuseReplay = (reason: string): void => observer?.refuses(reason);

/** Whether `compile` is watching. */
export const isTracing = (): boolean => observer !== null;
