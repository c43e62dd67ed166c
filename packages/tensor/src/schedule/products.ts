/**
 * Sums of matrix products. The gradient of a weight that a recurrent network uses at each step is Σ xₜᵀ·gₜ: one product
 * of all x and all g, one below the other, does the same with fewer kernels, and adds nothing up in memory.
 */
import { sizeOf } from '../graph/node.js';
import type { OpAttrs } from '../ops/primitives.js';
import type { Graph, GraphNode } from './graph.js';
import { replaceNodes } from './replace.js';

/** Fewer products than this are left alone. */
const FEWEST = 4;

/** Term xᵀ·g of a sum, or its transpose (gᵀ·x, as a product of x and g). */
interface Product {
  readonly term: number;
  readonly isTransposed: boolean;
  /** [k, m] and [k, n]. */
  readonly operands: readonly [number, number];
}

/** A concatenation in whose memory a tensor is one run, and what is in front of it. */
interface Place {
  readonly concat: number;
  readonly position: number;
  /** Elements in front. */
  readonly start: number;
}

/** The graph with its long sums of small products as one product each; the graph itself where there are none. */
export function joinProducts(graph: Graph): Graph {
  const nodes: GraphNode[] = [...graph.nodes];
  const users = usersOf(graph);
  const places = placesOf(nodes);
  const replaced = new Map<number, number>();
  const record = (
    op: 'concat' | 'reshape' | 'slice' | 'permute' | 'matmul' | 'add',
    inputs: readonly number[],
    shape: readonly number[],
    attrs: GraphNode['attrs'] = {},
  ): number => nodes.push({ op, inputs, attrs, shape, dtype: nodes[inputs[0]].dtype }) - 1;
  const transpose = (node: number): number =>
    record('permute', [node], [...nodes[node].shape].reverse(), { dims: [1, 0] });

  /** Tensors [k, n], one below the other: in a concatenation that is there already, where they are neighbours in one. */
  const stacked = (pieces: readonly number[], found: readonly Place[] | undefined): number => {
    const width = nodes[pieces[0]].shape[1];
    const rows = pieces.reduce((sum, p) => sum + nodes[p].shape[0], 0);
    if (!found) return record('concat', pieces, [rows, width], { dim: 0 });
    const { concat, start } = found[0];
    const all = record('reshape', [concat], [sizeOf(nodes[concat].shape) / width, width]);
    return record('slice', [all], [rows, width], { starts: [start / width, 0], steps: [1, 1] });
  };
  const joined = (products: readonly Product[]): number => {
    const known = ([0, 1] as const).map((side) => commonPlaces(products, side, nodes, places));
    const guide = known[0] ?? known[1];
    const order = products.map((_, i) => i);
    if (guide) order.sort((a, b) => guide[a].position - guide[b].position);
    const [x, g] = ([0, 1] as const).map((side) => {
      const own = known[side] && order.map((i) => known[side]![i]);
      const inRow = own?.every((p, i) => p.position === own[0].position + i);
      return stacked(
        order.map((i) => products[i].operands[side]),
        inRow ? own : undefined,
      );
    });
    const product = record('matmul', [transpose(x), g], [nodes[x].shape[1], nodes[g].shape[1]]);
    return products[0].isTransposed ? transpose(product) : product;
  };

  graph.nodes.forEach((n, i) => {
    const isInner = users[i].length === 1 && users[i][0] >= 0 && graph.nodes[users[i][0]].op === 'add';
    if (n.op !== 'add' || n.shape.length !== 2 || isInner) return;
    const terms = termsOf(graph, users, i);
    if (terms.length < FEWEST) return;
    const products = terms.flatMap((term) => productOf(graph, users, term) ?? []);
    const groups = [true, false]
      .map((side) => products.filter((p) => p.isTransposed === side))
      .filter((group) => group.length >= FEWEST);
    if (groups.length === 0) return;
    const gone = new Set(groups.flat().map((p) => p.term));
    const rest = [...groups.map(joined), ...terms.filter((t) => !gone.has(t))];
    replaced.set(
      i,
      rest.reduce((sum, t) => record('add', [sum, t], n.shape)),
    );
  });
  return replaced.size > 0 ? (replaceNodes(graph, nodes, replaced) ?? graph) : graph;
}

/** Who reads each node; −1 for a root. */
function usersOf({ nodes, roots }: Graph): number[][] {
  const users: number[][] = nodes.map(() => []);
  nodes.forEach((n, i) => {
    for (const input of n.inputs) users[input].push(i);
  });
  for (const r of roots) users[r].push(-1);
  return users;
}

/** What a sum of sums adds up, from the first to the last. */
function termsOf({ nodes }: Graph, users: readonly number[][], sum: number): number[] {
  const terms: number[] = [];
  const stack = [...nodes[sum].inputs].reverse();
  for (let k = stack.pop(); k !== undefined; k = stack.pop()) {
    if (nodes[k].op === 'add' && users[k].length === 1) stack.push(...[...nodes[k].inputs].reverse());
    else terms.push(k);
  }
  return terms;
}

const isTransposition = ({ op, attrs }: GraphNode): boolean =>
  op === 'permute' && String((attrs as OpAttrs['permute']).dims) === '1,0';

function productOf({ nodes }: Graph, users: readonly number[][], term: number): Product | undefined {
  const isTransposed = isTransposition(nodes[term]);
  const product = isTransposed ? nodes[term].inputs[0] : term;
  const { op, inputs, shape } = nodes[product];
  if (op !== 'matmul' || shape.length !== 2 || users[term].length !== 1 || users[product].length !== 1)
    return undefined;
  const [x, g] = inputs;
  if (!isTransposition(nodes[x])) return undefined;
  // Putting long operands together would cost more than adding up short products.
  const [m, n] = shape;
  const k = nodes[g].shape[0];
  if (k === 0 || (m + n) * k > 2 * m * n) return undefined;
  return { term, isTransposed, operands: [nodes[x].inputs[0], g] };
}

/** The tensor whose elements, in their order, a node has in another shape. */
function unshaped(nodes: readonly GraphNode[], node: number): number {
  let n = node;
  while (nodes[n].op === 'reshape') [n] = nodes[n].inputs;
  return n;
}

/** In which concatenations the elements of a tensor lie one after another. */
function placesOf(nodes: readonly GraphNode[]): ReadonlyMap<number, readonly Place[]> {
  const places = new Map<number, Place[]>();
  nodes.forEach(({ op, inputs, attrs, shape }, concat) => {
    if (op !== 'concat' || inputs.length < FEWEST) return;
    if (shape.some((s, d) => d < (attrs as OpAttrs['concat']).dim && s !== 1)) return;
    let start = 0;
    inputs.forEach((input, position) => {
      const piece = unshaped(nodes, input);
      const list = places.get(piece);
      if (list) list.push({ concat, position, start });
      else places.set(piece, [{ concat, position, start }]);
      start += sizeOf(nodes[input].shape);
    });
  });
  return places;
}

/** Where all the products' operands of one side are in one concatenation, as rows of their own width. */
function commonPlaces(
  products: readonly Product[],
  side: 0 | 1,
  nodes: readonly GraphNode[],
  places: ReadonlyMap<number, readonly Place[]>,
): Place[] | undefined {
  const lists = products.map(({ operands }) => places.get(unshaped(nodes, operands[side])) ?? []);
  const width = nodes[products[0].operands[side]].shape[1];
  for (const { concat } of lists[0]) {
    const found = lists.map((list) => list.find((p) => p.concat === concat));
    const fits = found.every((p) => p && p.start % width === 0) && sizeOf(nodes[concat].shape) % width === 0;
    if (fits) return found as Place[];
  }
  return undefined;
}
