/** Random kernels whose results are exact on every backend, made from a seed. */
import {
  type BufferArg,
  createExprBuilder,
  type DType,
  type Expr,
  isFloat,
  type Kernel,
  type Loop,
  type Nest,
  type Phase,
  type ReduceOp,
  type Reduction,
  roundTo,
  type ScalarOp,
  type Store,
} from '@neurite/tensor';

export interface RandomCase {
  readonly kernel: Kernel;
  readonly inputs: readonly number[][];
  readonly scalars: readonly number[];
}

const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 33];
const DTYPES_USED: readonly DType[] = [
  'float32',
  'float32',
  'float32',
  'float16',
  'float64',
  'int32',
  'int32',
  'uint32',
  'int8',
  'uint8',
  'bool',
];

/** Mulberry32, a small generator of uniform numbers. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A kernel of one or two nests, with data for its buffers. */
export function randomCase(seed: number): RandomCase {
  const random = generator(seed);
  const below = (n: number) => Math.floor(random() * n);
  const pick = <T>(choices: readonly T[]): T => choices[below(choices.length)];
  const chance = (p: number) => random() < p;
  const b = createExprBuilder();
  const buffers: BufferArg[] = [];
  const inputs: number[][] = [];
  const scalarTypes: DType[] = [];
  const scalars: number[] = [];
  const int = (value: number) => b.constant(value, 'int32');

  function value(dtype: DType): number {
    if (dtype === 'bool') return below(2);
    return roundTo(dtype)(isFloat(dtype) ? (below(65) - 32) / 4 : below(200) - 100);
  }
  function input(dtype: DType, size: number, make = () => value(dtype)): number {
    inputs.push(Array.from({ length: size }, make));
    return buffers.push({ dtype, size, access: 'read' }) - 1;
  }
  function output(dtype: DType, size: number): number {
    inputs.push(Array.from({ length: size }, () => value(dtype)));
    return buffers.push({ dtype, size, access: 'write' }) - 1;
  }
  /** Loops that run over at most `most` points together. */
  function loops(count: number, most: number): Loop[] {
    let left = most;
    return Array.from({ length: count }, () => {
      const size = pick(SIZES.filter((n) => n <= left));
      left = Math.floor(left / size);
      return { variable: b.variable(pick(['i', 'j', 'k']), size), size };
    });
  }
  function shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = below(i + 1);
      [result[i], result[j]] = [result[j], result[i]];
    }
    return result;
  }

  /** Each point of `loops` at its own place: a permuted, perhaps flipped row-major index, and its extent. */
  function ownPlace(over: readonly Loop[]): { index: Expr; size: number } {
    let size = 1;
    let index: Expr = int(0);
    const order = chance(0.6) ? [...over].reverse() : shuffled(over);
    for (const { variable, size: n } of order) {
      const position = chance(0.15) ? b.op('sub', [int(n - 1), variable]) : variable;
      index = b.op('add', [index, b.op('mul', [position, int(size)])]);
      size *= n;
    }
    return { index, size };
  }

  function load(over: readonly Loop[], dtype: DType): Expr {
    const used = chance(0.7) ? over : over.filter(() => chance(0.5));
    let { index, size } = ownPlace(used);
    if (chance(0.15)) {
      const k = pick([2, 3, 5, 8]);
      index = chance(0.5) ? b.op('div', [index, int(k)]) : b.op('rem', [index, int(k)]);
    } else if (chance(0.1)) {
      const target = 1 + below(40);
      const indices = input('int32', size, () => below(target));
      index = b.load(indices, index, 'int32');
      size = target;
    }
    if (chance(0.2)) {
      // A window that hangs over both ends.
      const shift = below(6) - 3;
      const kept = Math.max(1, size - below(4));
      const place = b.op('sub', [index, int(shift)]);
      const guard = b.op('and', [b.op('le', [int(0), place]), b.op('lt', [place, int(kept)])]);
      return b.load(input(dtype, kept), place, dtype, guard);
    }
    return b.load(input(dtype, size), index, dtype);
  }

  const FLOAT_OPS: readonly ScalarOp[] = [
    'add',
    'sub',
    'mul',
    'max',
    'min',
    'neg',
    'abs',
    'floor',
    'round',
    'sign',
    'where',
    'rem',
  ];
  const INT_OPS: readonly ScalarOp[] = [
    'add',
    'sub',
    'mul',
    'max',
    'min',
    'neg',
    'abs',
    'div',
    'rem',
    'mod',
    'and',
    'or',
    'xor',
    'not',
    'sign',
    'where',
    'shl',
    'shr',
  ];
  const BOOL_OPS: readonly ScalarOp[] = ['and', 'or', 'xor', 'not', 'eq', 'lt', 'max', 'where'];
  const UNARY = new Set<ScalarOp>(['neg', 'abs', 'floor', 'round', 'sign', 'not']);

  function expression(over: readonly Loop[], dtype: DType, depth: number, accs: readonly Expr[]): Expr {
    const again = (d: DType) => expression(over, d, depth - 1, accs);
    if (depth === 0 || chance(0.1)) {
      const fitting = accs.filter((a) => a.dtype === dtype);
      if (fitting.length && chance(0.6)) return pick(fitting);
      if (dtype === 'int32' && over.length && chance(0.3)) return pick(over).variable;
      if (chance(0.15)) return b.constant(value(dtype), dtype);
      if (chance(0.1)) {
        scalarTypes.push(dtype);
        return b.scalar(scalars.push(value(dtype)) - 1, dtype);
      }
      return load(over, dtype);
    }
    if (chance(0.2)) return b.op('cast', [again(pick(DTYPES_USED))], dtype);
    const op = pick(isFloat(dtype) ? FLOAT_OPS : dtype === 'bool' ? BOOL_OPS : INT_OPS);
    if (dtype === 'bool' && chance(0.5)) {
      const compared = pick(DTYPES_USED);
      return b.op(pick(['eq', 'ne', 'lt', 'le']), [again(compared), again(compared)]);
    }
    if (op === 'where') return b.op('where', [again('bool'), again(dtype), again(dtype)]);
    if (op === 'shl' || op === 'shr') {
      const count = chance(0.5)
        ? b.constant(below(7), dtype)
        : b.op('and', [again(dtype), b.constant(7, dtype)]);
      return b.op(op, [again(dtype), count]);
    }
    if (UNARY.has(op)) return b.op(op, [again(dtype)]);
    return b.op(op, [again(dtype), again(dtype)]);
  }

  /** Sums stay exact: multiples of 1/4 of at most 8. */
  function summand(e: Expr): Expr {
    if (!isFloat(e.dtype)) return e;
    const c = (v: number) => b.constant(v, e.dtype);
    const bounded = b.op('max', [b.op('min', [b.op('where', [b.op('eq', [e, e]), e, c(0)]), c(8)]), c(-8)]);
    return b.op('mul', [b.op('floor', [b.op('mul', [bounded, c(4)])]), c(0.25)]);
  }

  let nextAcc = 0;
  function reduction(over: readonly Loop[], accs: readonly Expr[]): Reduction {
    const dtype = pick(DTYPES_USED);
    // Products of floats are not exact in any order.
    const ops: ReduceOp[] = isFloat(dtype) ? ['sum', 'sum', 'max', 'min'] : ['sum', 'prod', 'max', 'min'];
    const op = pick<ReduceOp>(dtype === 'bool' ? ['max', 'min'] : ops);
    const e = expression(over, dtype, below(3), accs);
    return { acc: nextAcc++, op, dtype, value: op === 'sum' ? summand(e) : e };
  }

  function storing(over: readonly Loop[], accs: readonly Expr[]): Store {
    const dtype = pick(DTYPES_USED);
    const { index, size } = ownPlace(over);
    const mode = dtype !== 'bool' && chance(0.15) ? pick(['add', 'max', 'min'] as const) : 'set';
    const guard = chance(0.2) ? expression(over, 'bool', 1, accs) : null;
    return {
      buffer: output(dtype, size),
      index,
      value: expression(over, dtype, 1 + below(4), accs),
      mode,
      guard,
    };
  }

  function nest(): Nest {
    const outer = loops(below(4), 400);
    const phases: Phase[] = [];
    const accs: Expr[] = [];
    for (let i = below(3); i > 0; i--) {
      const inner = loops(1 + below(2), 60);
      const all = [...outer, ...inner];
      const ordered = chance(0.2);
      const reductions = Array.from({ length: 1 + below(2) }, () => reduction(all, accs));
      const own = reductions.map((r) => b.acc(r.acc, r.dtype));
      const stores = ordered || chance(0.2) ? [storing(all, ordered ? [...accs, ...own] : accs)] : [];
      phases.push({ loops: inner, ordered, reductions, stores });
      accs.push(...own);
    }
    const last = chance(0.5) ? loops(1, 33) : [];
    const stores = Array.from({ length: 1 + below(2) }, () => storing([...outer, ...last], accs));
    phases.push({ loops: last, ordered: chance(0.1), reductions: [], stores });
    return { outer, phases, contraction: null };
  }

  const nests = Array.from({ length: chance(0.2) ? 2 : 1 }, nest);
  return { kernel: { name: 'random', buffers, scalars: scalarTypes, nests }, inputs, scalars };
}
