/** Loops of the ops that few programs have: convolutions, scatters, scans, sorting and the places of extreme values. */
import type { ExprBuilder } from '../kernel/expr.js';
import type { Affine, ConvContraction, Expr, ReduceOp } from '../kernel/ir.js';
import { comesBefore } from '../kernel/sorting.js';
import type { OpAttrs, PrimitiveOp } from '../ops/primitives.js';
import { affineLoad, domain, fullDomain, type PartLoops, phase, reduceDomain } from './domain.js';
import type { Graph } from './graph.js';
import type { Values } from './values.js';

/** The loops of node `i`, which has one of these ops. */
export function lowerRare(
  b: ExprBuilder,
  graph: Graph,
  values: Values,
  i: number,
  newAcc: () => number,
): PartLoops {
  const n = graph.nodes[i];
  const attrs = <O extends PrimitiveOp>(_op: O) => n.attrs as OpAttrs[O];
  const set = (index: Expr, value: Expr) => ({ buffer: i, index, value, mode: 'set' as const, guard: null });
  switch (n.op) {
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
              {
                acc,
                op: 'sum',
                dtype: 'int32',
                value: comesBefore(
                  b,
                  { key: y, place: other },
                  { key: x, place: own.index[dim] },
                  descending,
                ),
              },
            ],
          }),
          phase({ stores: [set(rank, own.index[dim])] }),
        ],
      };
    }
    case 'conv':
      return lowerConv(b, graph, values, i, newAcc());
    case 'scatter':
    case 'indexScatter':
      return lowerScatter(b, graph, values, i);
    default:
      throw new Error(`${n.op} has no loops of its own`);
  }
}

function lowerConv(b: ExprBuilder, graph: Graph, values: Values, i: number, acc: number): PartLoops {
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

function lowerScatter(b: ExprBuilder, graph: Graph, values: Values, i: number): PartLoops {
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
