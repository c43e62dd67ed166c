/**
 * The cycles of a directed graph: for each strongly connected component (Tarjan) that holds a cycle, one shortest
 * cycle through its first node.
 *
 * @param {Map<string, string[]>} edges
 * @returns {string[][]}
 */
export function findCycles(edges) {
  return components(edges)
    .map((members) => shortestCycle([...members].sort()[0], members, edges))
    .filter((cycle) => cycle !== undefined);
}

function components(edges) {
  const index = new Map();
  const low = new Map();
  const stack = [];
  const found = [];
  const visit = (node) => {
    index.set(node, index.size);
    low.set(node, index.get(node));
    stack.push(node);
    for (const next of edges.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node), low.get(next)));
    }
    if (low.get(node) === index.get(node)) found.push(new Set(stack.splice(stack.indexOf(node))));
  };
  for (const node of edges.keys()) if (!index.has(node)) visit(node);
  return found;
}

function shortestCycle(start, members, edges) {
  const cameFrom = new Map();
  const queue = [start];
  for (const node of queue) {
    for (const next of edges.get(node) ?? []) {
      if (next === start) {
        const cycle = [node];
        while (cycle[0] !== start) cycle.unshift(cameFrom.get(cycle[0]));
        return cycle;
      }
      if (members.has(next) && !cameFrom.has(next)) {
        cameFrom.set(next, node);
        queue.push(next);
      }
    }
  }
  return undefined;
}
