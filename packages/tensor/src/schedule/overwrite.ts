/** Which results may take over the memory of the value that they replace (a parameter's update, in place). */
import type { Dependencies } from './dependencies.js';
import type { Graph } from './graph.js';
import { loadsOf, type Part, storesOf } from './part.js';

/** Roots that may take over a leaf's memory as far as their shapes and dtypes go: root → leaf. */
export function expectedOverwrites(graph: Graph): Map<number, number> {
  const expected = new Map<number, number>();
  const roots = new Set(graph.roots);
  const taken = new Set<number>();
  graph.roots.forEach((root, k) => {
    const leaf = graph.overwrites[k];
    if (leaf < 0 || roots.has(leaf) || taken.has(leaf)) return;
    if (graph.nodes[leaf].dtype !== graph.nodes[root].dtype) return;
    expected.set(root, leaf);
    taken.add(leaf);
  });
  return expected;
}

/**
 * Those of the expected overwrites that can be had. A result may overwrite a leaf when its own part reads that leaf only at the point
 * where it stores, not later than it stores, and every other reader of the leaf can run before. Adds those orders to `deps`.
 */
export function chooseOverwrites(
  expected: ReadonlyMap<number, number>,
  parts: readonly Part[],
  deps: Dependencies,
): Map<number, number> {
  const chosen = new Map<number, number>();
  const writers = partsByBuffer(parts, storesOf);
  const readers = partsByBuffer(parts, loadsOf);
  for (const [root, leaf] of expected) {
    const [writer, ...more] = writers.get(root) ?? [];
    if (!writer || more.length > 0 || writer.host || !writesWhereItReads(writer, root, leaf)) continue;
    const others = (readers.get(leaf) ?? []).filter((p) => p !== writer);
    if (!others.every((r) => deps.require(r, writer))) continue;
    chosen.set(root, leaf);
  }
  return chosen;
}

function partsByBuffer(
  parts: readonly Part[],
  buffersOf: (p: Part) => ReadonlyMap<number, unknown>,
): Map<number, Part[]> {
  const found = new Map<number, Part[]>();
  for (const p of parts) {
    for (const node of buffersOf(p).keys()) {
      const list = found.get(node);
      if (list) list.push(p);
      else found.set(node, [p]);
    }
  }
  return found;
}

function writesWhereItReads(part: Part, root: number, leaf: number): boolean {
  const stores = storesOf(part).get(root)!;
  if (stores.length !== 1 || stores[0].store.mode !== 'set' || stores[0].store.guard) return false;
  const [{ store, phase }] = stores;
  const loads = loadsOf(part).get(leaf) ?? [];
  if (!loads.every((l) => l.index === store.index && !l.guard)) return false;
  return !part.phases.slice(phase + 1).some((p) => loadsOf({ ...part, phases: [p] }).has(leaf));
}
