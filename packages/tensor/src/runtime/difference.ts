/** Whether two calls of a function did the same. */
import type { Watched } from '../graph/observer.js';
import type { Storage } from '../graph/storage.js';
import type { Found, Ref, Trace, TracedJob } from './trace.js';

/** Whether two constants are one, or have the same bytes. */
function sameConstant(a: Storage, b: Storage): boolean {
  if (a === b) return true;
  const [x, y] = [a.host, b.host];
  if (!x || !y || a.dtype !== b.dtype || x.length !== y.length) return false;
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
  return true;
}

/** Whether two calls took a value from the same place. */
export const sameRef = (a: Ref | null, b: Ref | null): boolean => {
  if (a === null || b === null) return a === b;
  if (a.from === 'start') return b.from === 'start' && a.handle === b.handle;
  if (a.from === 'job') return b.from === 'job' && a.job === b.job && a.output === b.output;
  return b.from === 'constant' && sameConstant(a.storage, b.storage);
};

const sameRefs = (a: readonly (Ref | null)[], b: readonly (Ref | null)[]): boolean =>
  a.length === b.length && a.every((ref, i) => sameRef(ref, b[i]));

const sameList = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((x, i) => Object.is(x, b[i]));

/**
 * Why two calls did not do the same, or null. What differs from call to call, and is neither an argument nor anything that a
 * trace follows, would be wrong in a replay.
 */
export function difference(a: Trace, b: Trace): string | null {
  const identity = (t: Trace) => t.found.flatMap((f) => [f.argument, f.gradientOf, tensorOf(f)]);
  if (!sameList(identity(a), identity(b)))
    return 'it used other tensors than in the call before; pass what changes as an argument';
  if (
    !sameList(
      a.steps.flatMap((s) => s.step.key),
      b.steps.flatMap((s) => s.step.key),
    )
  )
    return 'it drew other random numbers, or stepped another optimizer, than in the call before';
  if (a.jobs.length !== b.jobs.length || a.jobs.some((job, i) => !job.plan || job.plan !== b.jobs[i].plan))
    return 'it recorded another graph than in the call before';
  for (const [i, job] of a.jobs.entries()) {
    const other = b.jobs[i];
    const numbers = (j: TracedJob) =>
      j.scalars.flatMap((s) => ('slot' in s ? ['slot', s.slot] : ['', s.value]));
    const at = numbers(job).findIndex((x, k) => !Object.is(x, numbers(other)[k]));
    if (at >= 0)
      return `a number in it changed from ${numbers(job)[at]} to ${numbers(other)[at]}; pass it as an argument made with scalarInput`;
    if (!sameRefs(job.leaves, other.leaves) || !sameRefs(job.replaced, other.replaced))
      return 'it made a tensor from other host data than in the call before; pass it as an argument';
  }
  const rest = (t: Trace) => [
    ...t.guarded.flatMap((g) => [g.what, g.seen]),
    ...t.inspected.flatMap((x) => [x.outcome]),
    ...[...t.gradients].flatMap(([i, g]) => [i, g.isSet, g.read, g.moved]),
    ...t.lastValues.map(([i]) => i),
    ...t.lastGradients.flatMap(([i, g]) => [i, g === null, g !== null && 'stale' in g]),
    ...t.shared.flat(),
  ];
  const refs = (t: Trace): (Ref | null)[] => [
    ...t.lastValues.map(([, { ref }]) => ref),
    ...t.lastGradients.map(([, g]) => (g && 'ref' in g ? g.ref : null)),
  ];
  return sameList(rest(a), rest(b)) && sameRefs(refs(a), refs(b))
    ? null
    : 'it left other tensors changed than the call before';
}

/** Arguments differ from call to call, and so does the gradient that a slot holds. */
const tensorOf = (f: Found): Watched | null => (f.argument >= 0 || f.gradientOf >= 0 ? null : f.handle);
