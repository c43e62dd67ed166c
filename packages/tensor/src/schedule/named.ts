/** Named ops: which a device has kernels for, and what becomes of the others. Loaded where a graph has one. */
import type { Capabilities } from '../backend/interface.js';
import { noGrad } from '../graph/grad-mode.js';
import { leaf, probe, sizeOf } from '../graph/node.js';
import { hostStorage } from '../graph/storage.js';
import type { ExprBuilder } from '../kernel/expr.js';
import type { NamedKernel, View } from '../kernel/ir.js';
import { spelled } from '../kernel/key.js';
import { unlisted } from '../ops/autocast.js';
import type { NamedAttrs } from '../ops/primitives.js';
import { affineLoad, fullDomain } from './domain.js';
import { collect, type Graph, type GraphNode, toGraph } from './graph.js';
import type { Part } from './part.js';
import { replaceNodes } from './replace.js';
import type { Values } from './values.js';

const attrsOf = ({ attrs }: GraphNode): NamedAttrs => attrs as NamedAttrs;

/** The graph with all named ops decomposed that the device does not take. */
export function resolveNamed(graph: Graph, capabilities: Capabilities): Graph {
  const nodes: GraphNode[] = [...graph.nodes];
  const replaced = new Map<number, number>();
  // What decompositions have in common (the weights of attention and of its gradients) is computed once.
  const known = new Map<string, number>();
  const add = (node: GraphNode): number => {
    const text = JSON.stringify(node, (_, part: unknown) => spelled(part));
    const twin = known.get(text);
    if (twin !== undefined) return twin;
    known.set(text, nodes.length);
    return nodes.push(node) - 1;
  };
  graph.nodes.forEach((node, i) => {
    if (node.op !== 'named' || isTaken(graph, node, capabilities)) return;
    const forms = node.inputs.map((k) => graph.nodes[k]);
    const inputs = node.inputs.map((k) => replaced.get(k) ?? k);
    replaced.set(i, splice(decompose(node, forms), inputs, add));
  });
  // A decomposition reads nothing but its inputs, so there is no circle.
  return replaced.size > 0 ? replaceNodes(graph, nodes, replaced)! : graph;
}

function isTaken({ nodes }: Graph, node: GraphNode, { namedOps, maxBuffers }: Capabilities): boolean {
  const { op, params } = attrsOf(node);
  const takes = namedOps?.[op.name];
  if (!takes || new Set(node.inputs).size >= maxBuffers) return false;
  const formOf = ({ shape, dtype }: GraphNode) => ({ shape, dtype });
  return takes({ params, inputs: node.inputs.map((i) => formOf(nodes[i])), output: formOf(node) });
}

interface Decomposition {
  readonly graph: Graph;
  /** For each leaf of the graph, in its order: the position of the input that it stands for. */
  readonly positions: readonly number[];
}

/** Records a decomposition on leaves that stand for the inputs. */
function decompose(node: GraphNode, forms: readonly GraphNode[]): Decomposition {
  const { op, params } = attrsOf(node);
  const leaves = forms.map(({ shape, dtype }) =>
    leaf(hostStorage(dtype, sizeOf(shape), new Uint8Array(0)), shape, null),
  );
  const { result } = probe(() => unlisted(() => noGrad(() => op.decompose(leaves, params))));
  const request = collect([result]);
  const graph = toGraph(request);
  if (graph.scalars.length > 0) throw new Error(`${op.name}: a decomposition has a runtime scalar`);
  return {
    graph,
    positions: graph.leaves.map((i) => leaves.indexOf(request.order[i] as (typeof leaves)[0])),
  };
}

/** Adds the nodes of a decomposition; returns its result. */
function splice(
  { graph, positions }: Decomposition,
  inputs: readonly number[],
  add: (node: GraphNode) => number,
): number {
  const places = new Map(graph.leaves.map((node, i) => [node, inputs[positions[i]]]));
  graph.nodes.forEach((node, i) => {
    if (!places.has(i)) places.set(i, add({ ...node, inputs: node.inputs.map((k) => places.get(k)!) }));
  });
  return places.get(graph.roots[0])!;
}

/** Parts of the named nodes that are left: those that one kernel computes from the same inputs are one, as far as buffers allow. */
export function lowerNamed(
  b: ExprBuilder,
  graph: Graph,
  values: Values,
  named: readonly number[],
  maxBuffers: number,
): Part[] {
  const parts = new Map<string, Part[]>();
  for (const i of named) {
    const node = graph.nodes[i];
    const { op, params } = attrsOf(node);
    const output = { name: op.name, ...rowMajor(i, node.shape) };
    const key = JSON.stringify([op.kernel, params, node.inputs]);
    const parted = parts.get(key) ?? [];
    const open = parted.at(-1);
    if (open?.named && hasRoom(open.named, op.name, maxBuffers)) {
      const outputs = [...open.named.outputs, output];
      parted[parted.length - 1] = {
        ...open,
        names: [...open.names, op.name],
        named: { ...open.named, outputs },
      };
    } else {
      const inputs = node.inputs.map((k) => viewOf(b, graph, values, k));
      const flops = op.flops(
        inputs.map(({ shape }) => shape),
        params,
      );
      parted.push({
        outer: [],
        phases: [],
        contraction: null,
        host: null,
        order: i,
        names: [op.name],
        named: { op: op.kernel, params, inputs, outputs: [output], flops },
      });
    }
    parts.set(key, parted);
  }
  return [...parts.values()].flat();
}

function hasRoom({ inputs, outputs }: NamedKernel, name: string, maxBuffers: number): boolean {
  const bound = new Set(inputs.map(({ buffer }) => buffer)).size + outputs.length;
  return bound < maxBuffers && !outputs.some((o) => o.name === name);
}

function rowMajor(buffer: number, shape: readonly number[]): View {
  const strides = shape.map((_, d) => sizeOf(shape.slice(d + 1)));
  return { buffer, offset: 0, strides, shape };
}

/** Where an input's elements are: `chooseStored` has seen to it that they are an affine view of a buffer. */
function viewOf(b: ExprBuilder, { nodes }: Graph, values: Values, node: number): View {
  const { shape } = nodes[node];
  const { loops, index } = fullDomain(b, shape, 'i');
  const { buffer, offset, stride } = affineLoad(values.at(node, index))!;
  return { buffer, offset, shape, strides: loops.map(({ variable }) => stride(variable)) };
}
