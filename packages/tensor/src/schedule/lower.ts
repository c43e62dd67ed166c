/** Stored nodes as loop nests. */
import { affineOf } from '../kernel/affine.js';
import { createExprBuilder, type ExprBuilder } from '../kernel/expr.js';
import type {
  Affine,
  ConvContraction,
  Expr,
  Loop,
  MatmulContraction,
  Phase,
  ReduceOp,
  VarExpr,
} from '../kernel/ir.js';
import type { OpAttrs, PrimitiveOp } from '../ops/primitives.js';
import type { Graph } from './graph.js';
import { MOVEMENT, SOURCES } from './materialize.js';
import type { Part } from './part.js';
import { type Piece, piecesOf } from './pieces.js';
import { createValues, type Values } from './values.js';

/** Loops over a shape: dimensions of size 1 have no loop, their index is 0. */
interface Domain {
  readonly loops: Loop[];
  readonly index: Expr[];
}

function domain(b: ExprBuilder, shape: readonly number[], prefix: string): Domain {
  const loops: Loop[] = [];
  const index = shape.map((size, d) => {
    if (size === 1) return b.constant(0, 'int32');
    const variable = b.variable(`${prefix}${d}`, size);
    loops.push({ variable, size });
    return variable as Expr;
  });
  return { loops, index };
}

/** Loops over a shape, also where a size is 1: contractions want them in place. */
function fullDomain(b: ExprBuilder, shape: readonly number[], prefix: string): Domain {
  const loops = shape.map((size, d) => ({ variable: b.variable(`${prefix}${d}`, size), size }));
  return { loops, index: loops.map((l) => (l.size === 1 ? b.constant(0, 'int32') : l.variable)) };
}

const phase = (p: Partial<Phase>): Phase => ({ loops: [], ordered: false, reductions: [], stores: [], ...p });

/** An affine, unguarded load in terms of loop variables, or undefined. Variables that do not occur have stride 0. */
function affineLoad(e: Expr): { buffer: number; offset: number; stride: (v: VarExpr) => number } | undefined {
  if (e.kind !== 'load' || e.guard) return undefined;
  const form = affineOf(e.index);
  return form && { buffer: e.buffer, offset: form.constant, stride: (v) => form.terms.get(v) ?? 0 };
}

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
export function lower(graph: Graph, stored: readonly boolean[]): Lowering {
  const b = createExprBuilder();
  const values = createValues(b, graph, stored);
  const parts: Part[] = [];
  let accs = 0;
  graph.nodes.forEach((n, i) => {
    if (!stored[i] || n.op === 'data' || n.shape.includes(0)) return;
    const add = (order: number, names: readonly string[], nest: Nest) =>
      parts.push({ contraction: null, host: null, order, names, ...nest });
    if (n.op !== 'concat') {
      add(
        i,
        opNames(graph, stored, i),
        lowerNode(b, graph, values, i, () => accs++),
      );
      return;
    }
    for (const piece of piecesOf(graph, stored, i)) {
      const names = stored[piece.node] ? ['copy'] : opNames(graph, stored, piece.node);
      add(piece.node, names, lowerPiece(b, graph, values, i, piece));
    }
  });
  return { builder: b, parts };
}

function lowerPiece(
  b: ExprBuilder,
  { nodes }: Graph,
  values: Values,
  concat: number,
  { node, starts }: Piece,
): Nest {
  const own = domain(b, nodes[node].shape, 'i');
  const place = own.index.map((e, d) => b.op('add', [e, b.constant(starts[d], 'int32')]));
  const index = values.linear(nodes[concat].shape, place);
  const value = values.at(node, own.index);
  return {
    outer: own.loops,
    phases: [phase({ stores: [{ buffer: concat, index, value, mode: 'set', guard: null }] })],
  };
}

type Nest = Pick<Part, 'outer' | 'phases'> & Partial<Pick<Part, 'contraction' | 'host'>>;

function lowerNode(b: ExprBuilder, graph: Graph, values: Values, i: number, newAcc: () => number): Nest {
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
    case 'argmax':
    case 'argmin': {
      // The first position of the extreme value; a NaN is more extreme than any number.
      const { dims } = attrs(n.op);
      const { outer, inner, index } = reduceDomain(b, graph.nodes[n.inputs[0]].shape, dims);
      const x = values.at(n.inputs[0], index);
      const best = newAcc();
      const where = newAcc();
      const top = b.acc(best, x.dtype);
      const hit = b.op('or', [
        b.op('eq', [x, top]),
        b.op('and', [b.op('ne', [x, x]), b.op('ne', [top, top])]),
      ]);
      const position = b.op('where', [hit, index[dims[0]], b.constant(2 ** 31 - 1, 'int32')]);
      return {
        outer: outer.loops,
        phases: [
          phase({
            loops: inner,
            reductions: [{ acc: best, op: n.op === 'argmax' ? 'max' : 'min', dtype: x.dtype, value: x }],
          }),
          phase({ loops: inner, reductions: [{ acc: where, op: 'min', dtype: 'int32', value: position }] }),
          phase({ stores: [set(values.linear(n.shape, outer.index), b.acc(where, 'int32'))] }),
        ],
      };
    }
    case 'cumsum':
    case 'cumprod':
    case 'cummax':
    case 'cummin': {
      const { dim } = attrs(n.op);
      const op: ReduceOp = ({ cumsum: 'sum', cumprod: 'prod', cummax: 'max', cummin: 'min' } as const)[n.op];
      const { outer, inner, index } = reduceDomain(b, n.shape, [dim]);
      const acc = newAcc();
      const value = b.op('cast', [values.at(n.inputs[0], index)], n.dtype);
      const stores = [set(values.linear(n.shape, index), b.acc(acc, n.dtype))];
      return {
        outer: outer.loops,
        phases: [
          phase({ loops: inner, ordered: true, reductions: [{ acc, op, dtype: n.dtype, value }], stores }),
        ],
      };
    }
    case 'matmul':
      return lowerMatmul(b, graph, values, i, newAcc());
    case 'conv':
      return lowerConv(b, graph, values, i, newAcc());
    case 'scatter':
    case 'indexScatter':
      return lowerScatter(b, graph, values, i);
    case 'argsort': {
      // The rank of an element is the number of elements that come before it; its position goes to that rank.
      const { dim, descending } = attrs('argsort');
      const own = domain(b, n.shape, 'i');
      const other = b.variable('r', n.shape[dim]);
      const x = values.at(n.inputs[0], own.index);
      const y = values.at(
        n.inputs[0],
        own.index.map((e, d) => (d === dim ? other : e)),
      );
      const less = (p: Expr, q: Expr) =>
        b.op('or', [b.op('lt', [p, q]), b.op('and', [b.op('ne', [q, q]), b.op('eq', [p, p])])]);
      const before = descending ? less(x, y) : less(y, x);
      const after = descending ? less(y, x) : less(x, y);
      const tie = b.op('and', [
        b.op('not', [b.op('or', [before, after])]),
        b.op('lt', [other, own.index[dim]]),
      ]);
      const acc = newAcc();
      const rank = values.linear(
        n.shape,
        own.index.map((e, d) => (d === dim ? b.acc(acc, 'int32') : e)),
      );
      return {
        outer: own.loops,
        phases: [
          phase({
            loops: [{ variable: other, size: n.shape[dim] }],
            reductions: [
              { acc, op: 'sum', dtype: 'int32', value: b.op('cast', [b.op('or', [before, tie])], 'int32') },
            ],
          }),
          phase({ stores: [set(rank, own.index[dim])] }),
        ],
      };
    }
    case 'custom':
      return { outer: [], phases: [], host: { node: i, inputs: n.inputs } };
    default: {
      const own = domain(b, n.shape, 'i');
      const value = values.computed(i, own.index);
      return {
        outer: own.loops,
        phases: [phase({ stores: [set(values.linear(n.shape, own.index), value)] })],
      };
    }
  }
}

/** Loops over a shape, split into kept and reduced dimensions. `outer.index` has index 0 at the reduced ones. */
function reduceDomain(
  b: ExprBuilder,
  shape: readonly number[],
  dims: readonly number[],
): { outer: Domain; inner: Loop[]; index: Expr[] } {
  const outer = domain(
    b,
    shape.map((s, d) => (dims.includes(d) ? 1 : s)),
    'i',
  );
  const inner = domain(
    b,
    shape.map((s, d) => (dims.includes(d) ? s : 1)),
    'r',
  );
  return {
    outer,
    inner: inner.loops,
    index: shape.map((_, d) => (dims.includes(d) ? inner.index[d] : outer.index[d])),
  };
}

function lowerMatmul(b: ExprBuilder, graph: Graph, values: Values, i: number, acc: number): Nest {
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

function lowerConv(b: ExprBuilder, graph: Graph, values: Values, i: number, acc: number): Nest {
  const { shape, inputs, dtype } = graph.nodes[i];
  const a = graph.nodes[i].attrs as OpAttrs['conv'];
  const inputShape = graph.nodes[inputs[0]].shape;
  const weightShape = graph.nodes[inputs[1]].shape;
  const [, inChannels, ...kernelSize] = weightShape;
  const inputSize = inputShape.slice(2);
  const outputSize = shape.slice(2);
  const outChannels = weightShape[0] / a.groups;
  const int = (v: number) => b.constant(v, 'int32');
  const outer = fullDomain(b, [shape[0], a.groups, outChannels, ...outputSize], 'i');
  const inner = fullDomain(b, [inChannels, ...kernelSize], 'r');
  const [batch, group, out, ...y] = outer.index;
  const [channel, ...taps] = inner.index;

  let valid: Expr | null = null;
  const x = taps.map((t, d) => {
    const p = b.op('add', [
      b.op('mul', [y[d], int(a.stride[d])]),
      b.op('sub', [b.op('mul', [t, int(a.dilation[d])]), int(a.padding[d][0])]),
    ]);
    if (a.inputDilation[d] === 1) {
      valid = values.inBounds(p, inputSize[d], valid);
      return p;
    }
    const high = (inputSize[d] - 1) * a.inputDilation[d] + 1;
    valid = values.inBounds(p, high, valid);
    const exact = b.op('eq', [b.op('rem', [p, int(a.inputDilation[d])]), int(0)]);
    valid = valid ? b.op('and', [valid, exact]) : exact;
    return b.op('div', [p, int(a.inputDilation[d])]);
  });
  const inputChannel = b.op('add', [b.op('mul', [group, int(inChannels)]), channel]);
  const outputChannel = b.op('add', [b.op('mul', [group, int(outChannels)]), out]);
  const input = values.at(inputs[0], [batch, inputChannel, ...x], valid);
  const weight = values.at(inputs[1], [outputChannel, channel, ...taps]);

  // The same two operands with a variable for each input position: what a tuned program reads.
  const plain = fullDomain(b, [shape[0], a.groups, inChannels, ...inputSize], 'x');
  const [pn, pg, pc, ...px] = plain.index;
  const ic = b.op('add', [b.op('mul', [pg, int(inChannels)]), pc]);
  const inputLoad = affineLoad(values.at(inputs[0], [pn, ic, ...px]));
  const weightLoad = affineLoad(weight);
  const affine = <S>(load: NonNullable<typeof inputLoad>, strides: S): Affine<S> => ({
    buffer: load.buffer,
    offset: load.offset,
    strides,
  });
  const outVars = outer.loops.map((l) => l.variable);
  const inVars = inner.loops.map((l) => l.variable);
  const plainVars = plain.loops.map((l) => l.variable);
  let contraction: ConvContraction | null = null;
  if (inputLoad && weightLoad) {
    const [vn, vg, vc, ...vx] = plainVars.map((v) => inputLoad.stride(v));
    contraction = {
      op: 'conv',
      batch: shape[0],
      groups: a.groups,
      outChannels,
      inChannels,
      outputSize,
      inputSize,
      kernelSize,
      stride: a.stride,
      padding: a.padding.map((p) => p[0]),
      dilation: a.dilation,
      inputDilation: a.inputDilation,
      input: affine(inputLoad, { batch: vn, group: vg, channel: vc, spatial: vx }),
      weight: affine(weightLoad, {
        group: weightLoad.stride(outVars[1]),
        out: weightLoad.stride(outVars[2]),
        channel: weightLoad.stride(inVars[0]),
        kernel: inVars.slice(1).map((v) => weightLoad.stride(v)),
      }),
    };
  }
  return {
    outer: outer.loops,
    contraction,
    phases: [
      phase({
        loops: inner.loops,
        reductions: [{ acc, op: 'sum', dtype, value: b.op('mul', [input, weight]) }],
      }),
      phase({
        stores: [
          {
            buffer: i,
            index: values.linear(shape, [batch, outputChannel, ...y]),
            value: b.acc(acc, dtype),
            mode: 'set',
            guard: null,
          },
        ],
      }),
    ],
  };
}

function lowerScatter(b: ExprBuilder, graph: Graph, values: Values, i: number): Nest {
  const n = graph.nodes[i];
  const { dim, mode } = n.attrs as OpAttrs['scatter'];
  const [target, index, source] = n.inputs;
  const sourceShape = graph.nodes[source].shape;
  const outer = domain(
    b,
    n.shape.map((s, d) => (d === dim ? 1 : s)),
    'i',
  );
  const along = domain(b, [n.shape[dim]], 'r');
  const pick = (e: Expr) => outer.index.map((o, d) => (d === dim ? e : o));
  const copy = phase({
    loops: along.loops,
    stores: [
      {
        buffer: i,
        index: values.linear(n.shape, pick(along.index[0])),
        value: values.at(target, pick(along.index[0])),
        mode: 'set',
        guard: null,
      },
    ],
  });
  const count = sourceShape[dim];
  if (count === 0 || sourceShape.includes(0)) return { outer: outer.loops, phases: [copy] };
  const reading = domain(b, [count], 's');
  const [k] = reading.index;
  // scatter's index and source may be smaller than the target in the other dimensions.
  let inside: Expr | null = null;
  if (n.op === 'scatter') {
    outer.index.forEach((o, d) => {
      if (d !== dim) inside = values.inBounds(o, sourceShape[d], inside);
    });
  }
  const at = n.op === 'scatter' ? values.at(index, pick(k), inside) : values.at(index, [k], inside);
  const guard = values.inBounds(at, n.shape[dim], inside);
  const add = phase({
    loops: reading.loops,
    ordered: true,
    stores: [
      {
        buffer: i,
        index: values.linear(n.shape, pick(at)),
        value: values.at(source, pick(k), inside),
        mode,
        guard,
      },
    ],
  });
  return { outer: outer.loops, phases: [copy, add] };
}
