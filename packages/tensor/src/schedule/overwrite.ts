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
  graph.roots.forEach((root, k) => {
    const leaf = graph.overwrites[k];
    if (leaf < 0 || graph.roots.includes(leaf) || graph.nodes[leaf].dtype !== graph.nodes[root].dtype) return;
    if ([...chosen.values()].includes(leaf)) return;
    const writer = parts.find((p) => storesOf(p).has(root));
    if (!writer || writer.host || !writesWhereItReads(writer, root, leaf)) return;
    const readers = parts.filter((p) => p !== writer && loadsOf(p).has(leaf));
    if (readers.every((r) => deps.require(r, writer))) chosen.set(root, leaf);
  });
  return chosen;
}

function writesWhereItReads(part: Part, root: number, leaf: number): boolean {
  const stores = storesOf(part).get(root)!;
  if (stores.length !== 1 || stores[0].store.mode !== 'set' || stores[0].store.guard) return false;
  const [{ store, phase }] = stores;
  const loads = loadsOf(part).get(leaf) ?? [];
  if (!loads.every((l) => l.index === store.index && !l.guard)) return false;
  return !part.phases.slice(phase + 1).some((p) => loadsOf({ ...part, phases: [p] }).has(leaf));
}
