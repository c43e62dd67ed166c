/** A nest in the making: buffers are still graph nodes, scalars still positions in `graph.scalars`. */
import { visitExprs } from '../kernel/expr.js';
import type { Contraction, LoadExpr, Loop, Phase, Store } from '../kernel/ir.js';
import { phaseRoots } from '../kernel/traverse.js';

export interface Part {
  outer: readonly Loop[];
  phases: readonly Phase[];
  contraction: Contraction | null;
  /** Names of the ops inside, for the kernel's name. */
  names: readonly string[];
  /** A host step instead of loops: the node of a `custom` op and the nodes that it reads. */
  host: { readonly node: number; readonly inputs: readonly number[] } | null;
  /** Position in program order: the last node that it computes. */
  order: number;
}

/** Loads of each buffer in a part. */
export function loadsOf(part: Part): Map<number, LoadExpr[]> {
  const loads = new Map<number, LoadExpr[]>(part.host?.inputs.map((i) => [i, []]));
  const roots = part.phases.flatMap(phaseRoots);
  visitExprs(roots, (e) => {
    if (e.kind !== 'load') return;
    const list = loads.get(e.buffer);
    if (list) list.push(e);
    else loads.set(e.buffer, [e]);
  });
  return loads;
}

/** Stores of each buffer in a part. */
export function storesOf(part: Part): Map<number, { store: Store; phase: number }[]> {
  const stores = new Map<number, { store: Store; phase: number }[]>(part.host ? [[part.host.node, []]] : []);
  part.phases.forEach((p, phase) => {
    for (const store of p.stores) {
      const list = stores.get(store.buffer);
      if (list) list.push({ store, phase });
      else stores.set(store.buffer, [{ store, phase }]);
    }
  });
  return stores;
}

/** Iterations of loops. */
export const points = (loops: readonly Loop[]): number => loops.reduce((n, l) => n * l.size, 1);
