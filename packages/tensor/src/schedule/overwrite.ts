/** Which results may take over the memory of the value that they replace (a parameter's update, in place). */
import type { Dependencies } from './dependencies.js';
import type { Graph } from './graph.js';
import { loadsOf, type Part, storesOf } from './part.js';

/**
 * Returns stored node → leaf. A result may overwrite a leaf when its own part reads that leaf only at the point where it
 * stores, not later than it stores, and every other reader of the leaf can run before. Adds those orders to `deps`.
 */
export function chooseOverwrites(
  graph: Graph,
  parts: readonly Part[],
  deps: Dependencies,
): Map<number, number> {
  const chosen = new Map<number, number>();
  const roots = new Set(graph.roots);
  const taken = new Set<number>();
  const writers = new Map(parts.flatMap((p) => [...storesOf(p).keys()].map((node) => [node, p] as const)));
  const readers = readersOf(parts);
  graph.roots.forEach((root, k) => {
    const leaf = graph.overwrites[k];
    if (leaf < 0 || roots.has(leaf) || taken.has(leaf)) return;
    if (graph.nodes[leaf].dtype !== graph.nodes[root].dtype) return;
    const writer = writers.get(root);
    if (!writer || writer.host || !writesWhereItReads(writer, root, leaf)) return;
    const others = (readers.get(leaf) ?? []).filter((p) => p !== writer);
    if (!others.every((r) => deps.require(r, writer))) return;
    chosen.set(root, leaf);
    taken.add(leaf);
  });
  return chosen;
}

function readersOf(parts: readonly Part[]): Map<number, Part[]> {
  const readers = new Map<number, Part[]>();
  for (const p of parts) {
    for (const node of loadsOf(p).keys()) {
      const list = readers.get(node);
      if (list) list.push(p);
      else readers.set(node, [p]);
    }
  }
  return readers;
}

function writesWhereItReads(part: Part, root: number, leaf: number): boolean {
  const stores = storesOf(part).get(root)!;
  if (stores.length !== 1 || stores[0].store.mode !== 'set' || stores[0].store.guard) return false;
  const [{ store, phase }] = stores;
  const loads = loadsOf(part).get(leaf) ?? [];
  if (!loads.every((l) => l.index === store.index && !l.guard)) return false;
  return !part.phases.slice(phase + 1).some((p) => loadsOf({ ...part, phases: [p] }).has(leaf));
}
