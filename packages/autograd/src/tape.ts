import type { Node, NodeGradient } from '@neurite/tensor';

/** A stop of the backward walk: a recorded op, or a call of a user's function (which may have several outputs). */
export type Stop = Node | NodeGradient;

/** Whether a stop is a call of a user's function. */
export const isCall = (stop: Stop): stop is NodeGradient => 'outputs' in stop;

/** Where gradients end: a tensor that the user made one that collects them. */
export const isLeaf = (stop: Stop): boolean => !isCall(stop) && stop.variable !== null;

const NOWHERE: readonly Stop[] = [];

/** What a stop was computed from, repeated where an input is used twice; gradients go on to those `isPassed`. */
function inputsOf(stop: Stop): readonly Stop[] {
  if (isLeaf(stop)) return NOWHERE;
  return !isCall(stop) && stop.gradient ? [stop.gradient] : stop.inputs;
}

const isPassed = (stop: Stop): boolean => isCall(stop) || stop.requiresGrad;

/**
 * Everything that gradients of `roots` may reach, each stop after the ones it was computed from. Depth-first without
 * recursion: graphs are deeper than the call stack. Does not go past the nodes in `until`.
 */
export function tapeOf(roots: readonly Node[], until?: ReadonlySet<Stop>): Stop[] {
  const order: Stop[] = [];
  /** Stops that were entered, and whether they have been left. */
  const left = new Map<Stop, boolean>();
  const stack: Stop[] = roots.filter((root) => root.requiresGrad);
  while (stack.length > 0) {
    const stop = stack[stack.length - 1];
    const state = left.get(stop);
    if (state === undefined) {
      left.set(stop, false);
      if (until?.has(stop)) continue;
      for (const next of inputsOf(stop)) if (isPassed(next) && !left.has(next)) stack.push(next);
    } else {
      stack.pop();
      if (state) continue;
      left.set(stop, true);
      order.push(stop);
    }
  }
  return order;
}

/** The stops of a tape from which a target can be reached. */
export function reaching(tape: readonly Stop[], targets: ReadonlySet<Node>): ReadonlySet<Stop> {
  const found = new Set<Stop>();
  for (const stop of tape) {
    if (targets.has(stop as Node) || inputsOf(stop).some((next) => found.has(next))) found.add(stop);
  }
  return found;
}
