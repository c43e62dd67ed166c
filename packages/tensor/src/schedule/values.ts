/** Element expressions: the value of any node at given indices, down to loads of stored nodes. */
import type { ExprBuilder } from '../kernel/expr.js';
import type { Expr, ScalarOp } from '../kernel/ir.js';
import type { OpAttrs, PrimitiveOp } from '../ops/primitives.js';
import type { Graph, GraphNode } from './graph.js';

export interface Values {
  /** The element of `node` at `index` (one expression per dimension); nothing is read where `guard` is false. */
  at(node: number, index: readonly Expr[], guard?: Expr | null): Expr;
  /** The same for a stored node, computed from its inputs rather than loaded. */
  computed(node: number, index: readonly Expr[]): Expr;
  /** Position of an index in row-major order. */
  linear(shape: readonly number[], index: readonly Expr[]): Expr;
  /** The index of a position in row-major order. */
  unflatten(shape: readonly number[], position: Expr): Expr[];
  /** 0 ≤ e < size, or null where that is known. */
  inBounds(e: Expr, size: number, guard: Expr | null): Expr | null;
}

/**
 * Values over a graph in which `stored` nodes are buffers. A load's `buffer` is the node's number, a scalar's slot the
 * position in `graph.scalars`; the kernel assembly renames both.
 */
export function createValues(b: ExprBuilder, graph: Graph, stored: readonly boolean[]): Values {
  const { nodes } = graph;
  const int = (v: number) => b.constant(v, 'int32');
  const memo = new Map<string, Expr>();
  const slots = new Map(graph.scalars.map((n, i) => [n, i]));

  const linear = (shape: readonly number[], index: readonly Expr[]): Expr => {
    let sum: Expr = int(0);
    let stride = 1;
    for (let d = shape.length - 1; d >= 0; d--) {
      if (shape[d] !== 1) sum = b.op('add', [b.op('mul', [index[d], int(stride)]), sum]);
      stride *= shape[d];
    }
    return sum;
  };

  const both = (p: Expr | null, q: Expr): Expr | null => {
    const e = p ? b.op('and', [p, q]) : q;
    return e.kind === 'const' && e.value === 1 ? null : e;
  };

  const inBounds = (e: Expr, size: number, guard: Expr | null): Expr | null =>
    both(both(guard, b.op('le', [int(0), e])), b.op('lt', [e, int(size)]));

  const guarded = (guard: Expr | null, value: Expr, otherwise: number): Expr =>
    guard ? b.op('where', [guard, value, b.constant(otherwise, value.dtype)]) : value;

  const at = (node: number, index: readonly Expr[], guard: Expr | null = null): Expr => {
    const n = nodes[node];
    // Nobody computes a node without elements, and nobody reaches it: the loops around are empty.
    if (n.shape.includes(0)) return b.constant(0, n.dtype);
    if (stored[node]) return b.load(node, linear(n.shape, index), n.dtype, guard);
    let key = `${node}|`;
    for (const e of index) key += `${e.id},`;
    if (guard) key += `|${guard.id}`;
    const known = memo.get(key);
    if (known) return known;
    const value = compute(node, n, index, guard);
    memo.set(key, value);
    return value;
  };

  const compute = (node: number, n: GraphNode, index: readonly Expr[], guard: Expr | null): Expr => {
    const [first] = n.inputs;
    const arg = (k: number) => at(n.inputs[k], index, guard);
    const attrs = <O extends PrimitiveOp>(_op: O) => n.attrs as OpAttrs[O];
    switch (n.op) {
      case 'full':
        return b.constant(attrs('full').value, n.dtype);
      case 'scalar':
        return b.scalar(slots.get(node)!, n.dtype);
      case 'iota':
        return b.op('cast', [index[attrs('iota').dim]], n.dtype);
      case 'randomBits': {
        const [k0, k1, c0, c1] = n.inputs.map((i) => at(i, [], null));
        const low = b.op('add', [c0, b.op('cast', [linear(n.shape, index)], 'uint32')]);
        const carry = b.op('cast', [b.op('lt', [low, c0])], 'uint32');
        return b.op('randomBits', [k0, k1, low, b.op('add', [c1, carry])]);
      }
      case 'cast':
      case 'bitcast':
        return b.op(n.op, [arg(0)], n.dtype);
      case 'relu': {
        const x = arg(0);
        return b.op('max', [x, b.constant(0, x.dtype)]);
      }
      case 'detach':
        return arg(0);
      case 'permute': {
        const { dims } = attrs('permute');
        const source: Expr[] = [];
        dims.forEach((d, i) => {
          source[d] = index[i];
        });
        return at(first, source, guard);
      }
      case 'expand': {
        const { shape } = nodes[first];
        const source = index.slice(index.length - shape.length).map((e, d) => (shape[d] === 1 ? int(0) : e));
        return at(first, source, guard);
      }
      case 'slice': {
        const { starts, steps } = attrs('slice');
        const source = index.map((e, d) => b.op('add', [b.op('mul', [e, int(steps[d])]), int(starts[d])]));
        return at(first, source, guard);
      }
      case 'reshape':
        return at(first, unflatten(nodes[first].shape, linear(n.shape, index)), guard);
      case 'pad': {
        const { padding, value } = attrs('pad');
        let inside = guard;
        let valid: Expr | null = null;
        const source = index.map((e, d) => {
          const [low] = padding[d];
          const size = nodes[first].shape[d];
          const x = b.op('sub', [e, int(low)]);
          inside = inBounds(x, size, inside);
          valid = inBounds(x, size, valid);
          return x;
        });
        return guarded(valid, at(first, source, inside), value);
      }
      case 'concat': {
        const { dim } = attrs('concat');
        let offset = n.shape[dim];
        let value: Expr | undefined;
        for (let k = n.inputs.length - 1; k >= 0; k--) {
          const size = nodes[n.inputs[k]].shape[dim];
          offset -= size;
          if (size === 0) continue;
          const x = b.op('sub', [index[dim], int(offset)]);
          const source = index.map((e, d) => (d === dim ? x : e));
          const piece = at(n.inputs[k], source, inBounds(x, size, guard));
          value = value ? b.op('where', [b.op('lt', [x, int(size)]), piece, value]) : piece;
        }
        return value!;
      }
      case 'gather': {
        const { dim } = attrs('gather');
        const k = at(n.inputs[1], index, guard);
        const valid = inBounds(k, nodes[first].shape[dim], null);
        const x = at(
          first,
          index.map((e, d) => (d === dim ? k : e)),
          valid && both(guard, valid),
        );
        return guarded(valid, x, 0);
      }
      case 'indexSelect': {
        const { dim } = attrs('indexSelect');
        const k = at(n.inputs[1], [index[dim]], guard);
        const valid = inBounds(k, nodes[first].shape[dim], null);
        const x = at(
          first,
          index.map((e, d) => (d === dim ? k : e)),
          valid && both(guard, valid),
        );
        return guarded(valid, x, 0);
      }
      default:
        // The other ops are scalar ops of the same name; ops with loops are always stored and do not come here.
        return b.op(
          n.op as ScalarOp,
          n.inputs.map((_, k) => arg(k)),
          n.dtype,
        );
    }
  };

  const unflatten = (shape: readonly number[], position: Expr): Expr[] => {
    const index: Expr[] = new Array(shape.length);
    let rest = position;
    const outermost = shape.findIndex((s) => s !== 1); // needs no remainder
    for (let d = shape.length - 1; d >= 0; d--) {
      if (shape[d] === 1) index[d] = int(0);
      else if (d === outermost) index[d] = rest;
      else {
        index[d] = b.op('rem', [rest, int(shape[d])]);
        rest = b.op('div', [rest, int(shape[d])]);
      }
    }
    return index;
  };

  return {
    at,
    computed: (node, index) => compute(node, nodes[node], index, null),
    linear,
    unflatten,
    inBounds,
  };
}
