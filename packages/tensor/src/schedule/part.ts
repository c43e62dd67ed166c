/** A nest in the making: buffers are still graph nodes, scalars still positions in `graph.scalars`. */
import { visitExprs } from '../kernel/expr.js';
import type { Contraction, LoadExpr, Loop, NamedKernel, Phase, Store } from '../kernel/ir.js';
import { phaseRoots } from '../kernel/traverse.js';

export interface Part {
  readonly outer: readonly Loop[];
  readonly phases: readonly Phase[];
  readonly contraction: Contraction | null;
  /** Names of the ops inside, for the kernel's name. */
  readonly names: readonly string[];
  /** A host step instead of loops: the node of a `custom` op and the nodes that it reads. */
  readonly host: { readonly node: number; readonly inputs: readonly number[] } | null;
  /** Named ops instead of loops. */
  readonly named?: NamedKernel;
  /** Position in program order: the last node that it computes. */
  readonly order: number;
}

/** A store and the phase that it is in. */
export interface StoredAt {
  readonly store: Store;
  readonly phase: number;
}

/** Parts do not change: a merge makes a new one. So what they read and write is found out once. */
function remembered<T>(compute: (part: Part) => T): (part: Part) => T {
  const known = new WeakMap<Part, T>();
  return (part) => {
    let value = known.get(part);
    if (value === undefined) {
      value = compute(part);
      known.set(part, value);
    }
    return value;
  };
}

/** What a part without loops reads and writes as a whole. */
function wholeOf({ host, named }: Part): { reads: readonly number[]; writes: readonly number[] } | null {
  if (host) return { reads: host.inputs, writes: [host.node] };
  const buffers = (views: readonly { readonly buffer: number }[]) => views.map(({ buffer }) => buffer);
  return named ? { reads: buffers(named.inputs), writes: buffers(named.outputs) } : null;
}

/** Whether a part is no loops, and joins no other part. */
export const isWhole = ({ host, named }: Part): boolean => host !== null || named !== undefined;

/** Loads of each buffer in a part. */
export const loadsOf = remembered((part): ReadonlyMap<number, readonly LoadExpr[]> => {
  const loads = new Map<number, LoadExpr[]>(wholeOf(part)?.reads.map((i) => [i, []]));
  const roots = part.phases.flatMap(phaseRoots);
  visitExprs(roots, (e) => {
    if (e.kind !== 'load') return;
    const list = loads.get(e.buffer);
    if (list) list.push(e);
    else loads.set(e.buffer, [e]);
  });
  return loads;
});

/** Stores of each buffer in a part. */
export const storesOf = remembered((part): ReadonlyMap<number, readonly StoredAt[]> => {
  const stores = new Map<number, StoredAt[]>(wholeOf(part)?.writes.map((i) => [i, []]));
  part.phases.forEach((p, phase) => {
    for (const store of p.stores) {
      const list = stores.get(store.buffer);
      if (list) list.push({ store, phase });
      else stores.set(store.buffer, [{ store, phase }]);
    }
  });
  return stores;
});

/**
 * Whether it stores where its data say, as sorts and scatters do. Such a part stays as it is, and alone in its kernel: backends know
 * its loops, and may have a tuned program for them.
 */
export const placesByData = remembered((part): boolean => {
  let found = false;
  visitExprs(
    part.phases.flatMap((p) => p.stores.map((s) => s.index)),
    (e) => {
      if (e.kind === 'acc' || e.kind === 'load') found = true;
    },
  );
  return found;
});

/** Iterations of loops. */
export const points = (loops: readonly Loop[]): number => loops.reduce((n, l) => n * l.size, 1);
