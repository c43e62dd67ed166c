/**
 * Which nodes get a buffer. The others are computed where they are used. The choice is generous where a value is dear and
 * used more than once: fusion (`fuse.ts`) drops the buffer again when all its users end up in one nest.
 */

import type { ScalarOp } from '../kernel/ir.js';
import { sameShape } from '../ops/dims.js';
import {
  BINARY_OPS,
  COMPARE_OPS,
  type PrimitiveOp,
  REDUCE_OPS,
  SCAN_OPS,
  UNARY_OPS,
} from '../ops/primitives.js';
import type { Graph } from './graph.js';

const setOf = (...lists: (readonly PrimitiveOp[])[]): ReadonlySet<PrimitiveOp> => new Set(lists.flat());

/** Pure functions of indices. */
export const MOVEMENT: ReadonlySet<PrimitiveOp> = setOf([
  'reshape',
  'permute',
  'expand',
  'slice',
  'pad',
  'concat',
  'detach',
]);
/** Values that cost nothing to make. */
export const SOURCES: ReadonlySet<PrimitiveOp> = setOf(['full', 'scalar', 'iota']);
/** Ops with loops of their own: always stored. */
const ANCHORS: ReadonlySet<PrimitiveOp> = setOf(REDUCE_OPS, SCAN_OPS, [
  'matmul',
  'conv',
  'scatter',
  'indexScatter',
  'argsort',
  'custom',
  'named',
]);
const ELEMENTWISE: ReadonlySet<PrimitiveOp> = setOf(UNARY_OPS, BINARY_OPS, COMPARE_OPS, [
  'where',
  'cast',
  'bitcast',
]);

/** Rough cost of one element, in additions. */
export function weightOf(op: PrimitiveOp | ScalarOp): number {
  switch (op) {
    case 'exp':
    case 'log':
    case 'expm1':
    case 'log1p':
    case 'sin':
    case 'cos':
    case 'atan':
    case 'erf':
    case 'tanh':
    case 'sigmoid':
    case 'pow':
      return 10;
    case 'randomBits':
      return 40;
    case 'div':
    case 'sqrt':
    case 'reciprocal':
    case 'rem':
    case 'mod':
    case 'gather':
    case 'indexSelect':
    case 'concat':
      return 4;
    default:
      return ELEMENTWISE.has(op as PrimitiveOp) ? 1 : 0;
  }
}

/** An expression with more inlined ops than this gets a buffer: code size and compile time grow with it. */
const MAX_OPS = 400;
/** A concatenation of this many tensors is stored, piece by piece: computed where it is used, each element would look at all of them. */
const MANY_PIECES = 4;
/** A value this dear is stored when it is used more than once. */
const DEAR = 8;
/** A value this dear is stored before it is repeated along an expanded dimension. */
const DEAR_REPEATED = 4;

export interface MaterializeOptions {
  readonly fuse: boolean;
  /** Buffers that one expression may read. */
  readonly maxLoads: number;
  /** Whether a contraction can read this operand through an affine view, given the choices so far. */
  readonly isAffineOperand: (node: number, stored: readonly boolean[]) => boolean;
}

/** For each node: whether it is stored in a buffer. Leaves count as stored. */
export function chooseStored(graph: Graph, o: MaterializeOptions): boolean[] {
  const { nodes } = graph;
  const stored = nodes.map(
    (n) =>
      n.op === 'data' ||
      ANCHORS.has(n.op) ||
      (n.op === 'concat' && n.inputs.length >= MANY_PIECES) ||
      (!o.fuse && !MOVEMENT.has(n.op) && !SOURCES.has(n.op)),
  );
  for (const r of graph.roots) stored[r] = true;

  const users: number[][] = nodes.map(() => []);
  nodes.forEach((n, i) => {
    for (const input of new Set(n.inputs)) users[input].push(i);
  });
  // How many computations read a node, looking through movement.
  const uses = new Array<number>(nodes.length).fill(0);
  for (let i = nodes.length - 1; i >= 0; i--) {
    for (const u of users[i]) uses[i] += MOVEMENT.has(nodes[u].op) && !stored[u] ? uses[u] : 1;
    if (graph.roots.includes(i)) uses[i]++;
  }

  const cost = new Array<number>(nodes.length).fill(0);
  const ops = new Array<number>(nodes.length).fill(0);
  const loads: ReadonlySet<number>[] = nodes.map(() => new Set());
  const store = (i: number) => {
    stored[i] = true;
  };
  const measure = (i: number) => {
    const n = nodes[i];
    cost[i] = weightOf(n.op);
    ops[i] = 1;
    const read = new Set<number>();
    for (const input of n.inputs) {
      if (stored[input]) read.add(input);
      else {
        cost[i] += cost[input];
        ops[i] += ops[input];
        for (const l of loads[input]) read.add(l);
      }
    }
    loads[i] = read;
  };
  /**
   * Nodes that are the result of a contraction which nothing else reads, perhaps permuted ('bare'), or an elementwise function of
   * one ('worked'). A kernel has room for one contraction, so where two of them meet, as in a long sum of products, what has been
   * made of one is stored: each product adds itself to what the earlier ones have come to, in its epilogue.
   */
  const products = new Map<number, 'bare' | 'worked'>();
  const separateProducts = (i: number) => {
    const { op, inputs, shape } = nodes[i];
    if (uses[i] !== 1 && !ELEMENTWISE.has(op)) return;
    if (op === 'matmul' || op === 'conv') products.set(i, 'bare');
    else if (op === 'permute' && products.get(inputs[0]) === 'bare') products.set(i, 'bare');
    else if (ELEMENTWISE.has(op)) {
      const met = [...new Set(inputs)].filter((k) => products.has(k) && sameShape(nodes[k].shape, shape));
      if (met.length > 1) for (const k of met) if (products.get(k) === 'worked') store(k);
      if (met.length > 0 && uses[i] === 1) products.set(i, 'worked');
    }
  };
  /** Stores inputs of a node until its expression is small enough; says whether it had to. */
  const keepWithinLimits = (i: number): boolean => {
    let changed = false;
    measure(i);
    // Pieces of a stored concatenation are expressions of their own.
    if (nodes[i].op === 'concat') {
      if (stored[i] || (ops[i] <= MAX_OPS && loads[i].size <= o.maxLoads)) return false;
      store(i);
      return true;
    }
    while (ops[i] > MAX_OPS || loads[i].size > o.maxLoads) {
      // Storing what reads one buffer and does one thing would make nothing smaller.
      const candidates = nodes[i].inputs.filter((k) => !stored[k] && (ops[k] > 1 || loads[k].size > 1));
      if (!candidates.length) break;
      store(candidates.reduce((p, q) => (loads[q].size * 16 + ops[q] > loads[p].size * 16 + ops[p] ? q : p)));
      measure(i);
      changed = true;
    }
    return changed;
  };
  nodes.forEach((n, i) => {
    if (n.op === 'data') return;
    if (n.op === 'matmul' || n.op === 'conv' || n.op === 'named') {
      for (const operand of n.inputs) {
        if (o.isAffineOperand(operand, stored)) continue;
        let base = operand;
        while (!stored[base] && MOVEMENT.has(nodes[base].op) && nodes[base].op !== 'concat')
          base = nodes[base].inputs[0];
        const before = stored[base];
        stored[base] = true;
        if (!o.isAffineOperand(operand, stored)) {
          stored[base] = before;
          store(operand);
        }
      }
    } else if (n.op === 'custom') {
      for (const input of n.inputs) store(input);
    } else if (n.op === 'argsort') {
      if (cost[n.inputs[0]] > 0) store(n.inputs[0]);
    } else if (n.op === 'gather' || n.op === 'indexSelect') {
      if (cost[n.inputs[0]] >= DEAR) store(n.inputs[0]);
    } else if (n.op === 'expand' && !SOURCES.has(nodes[n.inputs[0]].op)) {
      const input = n.inputs[0];
      if (cost[input] >= DEAR_REPEATED && !stored[input]) store(input);
    }
    separateProducts(i);
    keepWithinLimits(i);
    if (uses[i] > 1 && cost[i] >= DEAR && !MOVEMENT.has(n.op)) store(i);
  });
  // What was stored for a later node may have given an earlier one more buffers to read: two values of one leaf are two buffers.
  const computed = nodes.flatMap((n, i) => (n.op === 'data' ? [] : [i]));
  while (computed.filter(keepWithinLimits).length > 0);
  return stored;
}
