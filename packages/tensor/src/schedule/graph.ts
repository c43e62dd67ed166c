/** The part of the graph that one request needs, as plain records: what a plan is made from and recognised by. */
import type { DType } from '../dtype.js';
import { ValueError } from '../errors.js';
import { type Hash, mix, sameAttrs } from '../graph/hash.js';
import type { Node } from '../graph/node.js';
import type { OpAttrs, PrimitiveOp } from '../ops/primitives.js';

export interface GraphNode {
  readonly op: PrimitiveOp;
  readonly inputs: readonly number[];
  readonly attrs: OpAttrs[PrimitiveOp];
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** Nodes with inputs before their users. `data` nodes are leaves, whatever op made them. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  /** Nodes whose values are wanted. */
  readonly roots: readonly number[];
  /** For each root, the leaf whose storage it may overwrite, or −1. */
  readonly overwrites: readonly number[];
  /** `data` nodes, in order. */
  readonly leaves: readonly number[];
  /** `scalar` nodes, in order: the plan's runtime arguments. */
  readonly scalars: readonly number[];
}

/** A request: live nodes in topological order, and the key of its structure. */
export interface Request {
  readonly order: readonly Node[];
  /** Which nodes had a value when the request was taken. */
  readonly isLeaf: readonly boolean[];
  readonly roots: readonly number[];
  readonly overwrites: readonly number[];
  readonly hash: string;
}

let walk = 0;
const NONE: readonly Node[] = [];

/** Collects what `roots` need that has no value yet; nodes with a value become leaves. */
export function collect(roots: readonly Node[], overwrites: readonly (Node | null)[] = []): Request {
  const mark = ++walk;
  const order: Node[] = [];
  const stack: Node[] = [];
  const hash: Hash = { a: 1, b: 2 };
  for (const root of roots) {
    if (root.mark !== mark) stack.push(root);
    while (stack.length) {
      const node = stack[stack.length - 1];
      if (node.mark === mark) {
        stack.pop();
        continue;
      }
      const inputs = node.storage ? NONE : node.inputs;
      let ready = true;
      for (let i = inputs.length - 1; i >= 0; i--) {
        if (inputs[i].mark !== mark) {
          stack.push(inputs[i]);
          ready = false;
        }
      }
      if (!ready) continue;
      stack.pop();
      node.mark = mark;
      node.index = order.length;
      order.push(node);
      if (node.storage) {
        // A leaf is known by its form alone, not by the op that once made it.
        mix(hash, -1);
        mix(hash, node.dtype.charCodeAt(0) * 256 + node.dtype.charCodeAt(node.dtype.length - 1));
        for (const s of node.shape) mix(hash, s);
      } else {
        if (node.op === 'data')
          throw new ValueError('a tensor without a value was asked for: its storage was freed');
        mix(hash, node.hashA);
        mix(hash, node.hashB);
        for (const input of inputs) mix(hash, input.index);
      }
    }
  }
  const rootIndices = roots.map((r) => r.index);
  const overwriteIndices = roots.map((_, i) => {
    const leaf = overwrites[i];
    return leaf && leaf.mark === mark && leaf.storage ? leaf.index : -1;
  });
  for (const r of rootIndices) mix(hash, r);
  for (const o of overwriteIndices) mix(hash, o);
  return {
    order,
    isLeaf: order.map((node) => node.storage !== null),
    roots: rootIndices,
    overwrites: overwriteIndices,
    hash: `${hash.a},${hash.b},${order.length}`,
  };
}

/** Positions of an op's nodes. */
export const nodesOf = (nodes: readonly GraphNode[], op: PrimitiveOp): number[] =>
  nodes.flatMap((n, i) => (n.op === op ? [i] : []));

/** Whether a graph may have a long sum of products that `products.ts` makes one of. */
export function addsProducts({ nodes }: Graph): boolean {
  const isProduct = (i: number): boolean => {
    const n = nodes[i];
    const { op, inputs } = n.op === 'permute' ? nodes[n.inputs[0]] : n;
    return op === 'matmul' && nodes[inputs[0]].op === 'permute';
  };
  return nodes.filter(({ op, inputs }) => op === 'add' && inputs.some(isProduct)).length > 2;
}

/** The request's structure, without references to live nodes. */
export function toGraph(request: Request): Graph {
  const nodes = request.order.map((n, k): GraphNode => {
    if (request.isLeaf[k]) return { op: 'data', inputs: [], attrs: {}, shape: n.shape, dtype: n.dtype };
    return { op: n.op, inputs: n.inputs.map((i) => i.index), attrs: n.attrs, shape: n.shape, dtype: n.dtype };
  });
  return {
    nodes,
    roots: request.roots,
    overwrites: request.overwrites,
    leaves: nodesOf(nodes, 'data'),
    scalars: nodesOf(nodes, 'scalar'),
  };
}

const sameNumbers = (a: readonly number[], b: readonly number[]): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

/** Whether a request has exactly the structure of a graph: a hash only suggests it. */
export function matches(graph: Graph, request: Request): boolean {
  const { nodes } = graph;
  const { order } = request;
  if (
    nodes.length !== order.length ||
    !sameNumbers(graph.roots, request.roots) ||
    !sameNumbers(graph.overwrites, request.overwrites)
  )
    return false;
  for (let i = 0; i < nodes.length; i++) {
    const g = nodes[i];
    const n = order[i];
    if (g.dtype !== n.dtype || !sameNumbers(g.shape, n.shape)) return false;
    if (request.isLeaf[i]) {
      if (g.op !== 'data') return false;
      continue;
    }
    if (g.op !== n.op || g.inputs.length !== n.inputs.length) return false;
    for (let k = 0; k < g.inputs.length; k++) if (g.inputs[k] !== n.inputs[k].index) return false;
    if (g.attrs !== n.attrs && !sameAttrs(g.attrs, n.attrs)) return false;
  }
  return true;
}
