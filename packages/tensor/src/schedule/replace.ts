/** Graphs in which nodes have been replaced by others. */
import { type Graph, type GraphNode, nodesOf } from './graph.js';

/**
 * A graph of what the roots need once some nodes have been replaced, in the old order as far as it goes: a concatenation may have to come
 * earlier. Undefined where that would be a circle: where it needs the very sum that would read it.
 */
export function replaceNodes(
  graph: Graph,
  nodes: readonly GraphNode[],
  replaced: ReadonlyMap<number, number>,
): Graph | undefined {
  const resolve = (i: number) => replaced.get(i) ?? i;
  const needed = new Set<number>([...graph.leaves, ...graph.scalars]);
  const stack = graph.roots.map(resolve);
  for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
    if (needed.has(i)) continue;
    needed.add(i);
    stack.push(...nodes[i].inputs.map(resolve));
  }
  const position = new Map<number, number>();
  const entered = new Set<number>();
  const order: GraphNode[] = [];
  // What a run binds keeps its order.
  for (const start of [...graph.leaves, ...graph.scalars, ...graph.nodes.keys()]) {
    const path = needed.has(resolve(start)) ? [resolve(start)] : [];
    while (path.length > 0) {
      const i = path[path.length - 1];
      const inputs = nodes[i].inputs.map(resolve);
      const missing = inputs.filter((k) => !position.has(k));
      if (position.has(i) || missing.length === 0) {
        path.pop();
        if (!position.has(i)) {
          position.set(i, order.length);
          order.push({ ...nodes[i], inputs: inputs.map((k) => position.get(k)!) });
        }
      } else {
        if (entered.has(i)) return undefined;
        entered.add(i);
        path.push(...missing.reverse());
      }
    }
  }
  const moved = (i: number) => (i < 0 ? i : position.get(resolve(i))!);
  return {
    nodes: order,
    roots: graph.roots.map(moved),
    overwrites: graph.overwrites.map(moved),
    leaves: nodesOf(order, 'data'),
    scalars: nodesOf(order, 'scalar'),
  };
}
