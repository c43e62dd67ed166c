/** Stored nodes as loop nests. */
import { affineOf } from '../kernel/affine.js';
import { createExprBuilder, type ExprBuilder } from '../kernel/expr.js';
import type { Expr, Loop, MatmulContraction, ReduceOp } from '../kernel/ir.js';
import { late } from '../late.js';
import type { OpAttrs, PrimitiveOp } from '../ops/primitives.js';
import { affineLoad, domain, fullDomain, type PartLoops, phase, reduceDomain } from './domain.js';
import type { Graph } from './graph.js';
import { MOVEMENT, SOURCES } from './materialize.js';
import type { Part } from './part.js';
import { type Piece, piecesOf } from './pieces.js';
import { createValues, type Values } from './values.js';

/** Loops of the ops that few programs have. */
const rareLoops = late(() => import('./rare-loops.js'));

const namedParts = late(() => import('./named.js'));

/** Whether a contraction can read `node` through an affine view, given which nodes are stored. */
export function isAffineOperand(graph: Graph, node: number, stored: readonly boolean[]): boolean {
  const b = createExprBuilder();
  const { index } = fullDomain(b, graph.nodes[node].shape, 'i');
  return affineLoad(createValues(b, graph, stored).at(node, index)) !== undefined;
}

/** Ops that a stored node computes, itself included, in the order of evaluation. */
function opNames(graph: Graph, stored: readonly boolean[], node: number): string[] {
  const names: string[] = [];
  const seen = new Set<number>();
  const visit = (n: number, top: boolean) => {
    if (seen.has(n) || (stored[n] && !top) || names.length > 12) return;
    seen.add(n);
    const { op, inputs } = graph.nodes[n];
    for (const i of inputs) visit(i, false);
    if (!MOVEMENT.has(op) && !SOURCES.has(op) && names[names.length - 1] !== op) names.push(op);
  };
  visit(node, true);
  return names.length ? names : [graph.nodes[node].op === 'full' ? 'fill' : 'copy'];
}

export interface Lowering {
  readonly builder: ExprBuilder;
  readonly parts: Part[];
}

/**
 * A part for each stored node that is not a leaf, and for each piece of a concatenation: whatever makes a piece may write it to its
 * place. Nodes without elements need none.
 */
export function lower(graph: Graph, stored: readonly boolean[], maxBuffers: number): Lowering {
  const b = createExprBuilder();
  const values = createValues(b, graph, stored);
  const parts: Part[] = [];
  let accs = 0;
  const named: number[] = [];
  graph.nodes.forEach((n, i) => {
    if (!stored[i] || n.op === 'data' || n.shape.includes(0)) return;
    if (n.op === 'named') {
      named.push(i);
      return;
    }
    const add = (order: number, names: readonly string[], nest: PartLoops) =>
      parts.push({ contraction: null, host: null, order, names, ...nest });
    if (n.op !== 'concat') {
      add(
        i,
        opNames(graph, stored, i),
        lowerNode(b, graph, stored, values, i, () => accs++),
      );
      return;
    }
    for (const piece of piecesOf(graph, stored, i)) {
      const names = stored[piece.node] ? ['copy'] : opNames(graph, stored, piece.node);
      add(piece.node, names, lowerPiece(b, graph, stored, values, i, piece));
    }
  });
  if (named.length > 0) parts.push(...namedParts().lowerNamed(b, graph, values, named, maxBuffers));
  return { builder: b, parts };
}

function lowerPiece(
  b: ExprBuilder,
  graph: Graph,
  stored: readonly boolean[],
  values: Values,
  concat: number,
  { node, starts }: Piece,
): PartLoops {
  const { loops, place, value } = elementsOf(b, graph, stored, values, node, (index) =>
    values.at(node, index),
  );
  const moved = place.map((e, d) => b.op('add', [e, b.constant(starts[d], 'int32')]));
  const index = values.linear(graph.nodes[concat].shape, moved);
  return {
    outer: loops,
    phases: [phase({ stores: [{ buffer: concat, index, value, mode: 'set', guard: null }] })],
  };
}

interface Elements {
  readonly loops: Loop[];
  /** The index of an element. */
  readonly place: readonly Expr[];
  readonly value: Expr;
}

/**
 * All elements of a node. A product in another shape is walked through in its own order where its elements' places follow from that:
 * then it can be the product that puts them there.
 */
function elementsOf(
  b: ExprBuilder,
  { nodes }: Graph,
  stored: readonly boolean[],
  values: Values,
  node: number,
  at: (index: readonly Expr[]) => Expr,
): Elements {
  const { loops, index } = domain(b, nodes[node].shape, 'i');
  const value = at(index);
  const inOrder: Elements = { loops, place: index, value };
  if (value.kind !== 'load') return inOrder;
  const path: number[] = [];
  let source = node;
  for (; source === node || !stored[source]; [source] = nodes[source].inputs) {
    if (nodes[source].op !== 'reshape' && nodes[source].op !== 'permute') return inOrder;
    path.push(source);
  }
  if (nodes[source].op !== 'matmul' || !path.some((n) => nodes[n].op === 'reshape')) return inOrder;
  const own = domain(b, nodes[source].shape, 'i');
  let place = own.index;
  for (const n of path.reverse()) {
    const { op, inputs, shape, attrs } = nodes[n];
    const before = place;
    place =
      op === 'permute'
        ? (attrs as OpAttrs['permute']).dims.map((d) => before[d])
        : values.unflatten(shape, values.linear(nodes[inputs[0]].shape, before));
  }
  return affineOf(values.linear(nodes[node].shape, place))
    ? { loops: own.loops, place, value: values.at(source, own.index) }
    : inOrder;
}

function lowerNode(
  b: ExprBuilder,
  graph: Graph,
  stored: readonly boolean[],
  values: Values,
  i: number,
  newAcc: () => number,
): PartLoops {
  const n = graph.nodes[i];
  const attrs = <O extends PrimitiveOp>(_op: O) => n.attrs as OpAttrs[O];
  const set = (index: Expr, value: Expr) => ({ buffer: i, index, value, mode: 'set' as const, guard: null });
  switch (n.op) {
    case 'sum':
    case 'prod':
    case 'amax':
    case 'amin': {
      const op: ReduceOp = n.op === 'amax' ? 'max' : n.op === 'amin' ? 'min' : n.op;
      const { outer, inner, index } = reduceDomain(b, graph.nodes[n.inputs[0]].shape, attrs('sum').dims);
      const acc = newAcc();
      const value = b.op('cast', [values.at(n.inputs[0], index)], n.dtype);
      return {
        outer: outer.loops,
        phases: [
          phase({ loops: inner, reductions: [{ acc, op, dtype: n.dtype, value }] }),
          phase({ stores: [set(values.linear(n.shape, outer.index), b.acc(acc, n.dtype))] }),
        ],
      };
    }
    case 'matmul':
      return lowerMatmul(b, graph, values, i, newAcc());
    case 'argmax':
    case 'argmin':
    case 'cumsum':
    case 'cumprod':
    case 'cummax':
    case 'cummin':
    case 'argsort':
    case 'conv':
    case 'scatter':
    case 'indexScatter':
      return rareLoops().lowerRare(b, graph, values, i, newAcc);
    case 'custom':
      return { outer: [], phases: [], host: { node: i, inputs: n.inputs } };
    default: {
      const { loops, place, value } = elementsOf(b, graph, stored, values, i, (index) =>
        values.computed(i, index),
      );
      return {
        outer: loops,
        phases: [phase({ stores: [set(values.linear(n.shape, place), value)] })],
      };
    }
  }
}

function lowerMatmul(b: ExprBuilder, graph: Graph, values: Values, i: number, acc: number): PartLoops {
  const { shape, inputs, dtype } = graph.nodes[i];
  const rank = shape.length;
  const outer = fullDomain(b, shape, 'i');
  const size = graph.nodes[inputs[0]].shape[rank - 1];
  const inner = fullDomain(b, [size], 'r');
  const [k] = inner.index;
  const batch = outer.index.slice(0, -2);
  const [m, n] = outer.index.slice(-2);
  const lhs = values.at(inputs[0], [...batch, m, k]);
  const rhs = values.at(inputs[1], [...batch, k, n]);
  const l = affineLoad(lhs);
  const r = affineLoad(rhs);
  const vars = outer.loops.map((loop) => loop.variable);
  const strides = (a: NonNullable<typeof l>) => vars.map((v) => a.stride(v));
  const kVar = inner.loops[0].variable;
  const contraction: MatmulContraction | null =
    l && r && size > 0
      ? {
          op: 'matmul',
          batch: shape.slice(0, -2),
          m: shape[rank - 2],
          n: shape[rank - 1],
          k: size,
          lhs: {
            buffer: l.buffer,
            offset: l.offset,
            strides: { batch: strides(l).slice(0, -2), m: strides(l)[rank - 2], k: l.stride(kVar) },
          },
          rhs: {
            buffer: r.buffer,
            offset: r.offset,
            strides: { batch: strides(r).slice(0, -2), k: r.stride(kVar), n: strides(r)[rank - 1] },
          },
        }
      : null;
  return {
    outer: outer.loops,
    contraction,
    phases: [
      phase({ loops: inner.loops, reductions: [{ acc, op: 'sum', dtype, value: b.op('mul', [lhs, rhs]) }] }),
      phase({
        stores: [
          {
            buffer: i,
            index: values.linear(shape, outer.index),
            value: b.acc(acc, dtype),
            mode: 'set',
            guard: null,
          },
        ],
      }),
    ],
  };
}
