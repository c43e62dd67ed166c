/** Kernels as the scheduler writes them, by hand. */
import {
  type BufferArg,
  createExprBuilder,
  type Expr,
  type Kernel,
  type Loop,
  type Nest,
  type Phase,
  type ScalarOp,
} from '@neurite/tensor';

export const b = createExprBuilder();
export const op = (name: ScalarOp, ...args: readonly Expr[]): Expr => b.op(name, args);
export const f32 = (value: number): Expr => b.constant(value, 'float32');
export const int = (value: number): Expr => b.constant(value, 'int32');
export const loop = (name: string, size: number): Loop => ({ variable: b.variable(name, size), size });
export const load = (buffer: number, index: Expr): Expr => b.load(buffer, index, 'float32');
export const floats = (size: number, access: BufferArg['access'] = 'read'): BufferArg => ({
  dtype: 'float32',
  size,
  access,
});
export const phase = (loops: readonly Loop[], parts: Partial<Phase>): Phase => ({
  loops,
  ordered: false,
  reductions: [],
  stores: [],
  ...parts,
});
export const set = (buffer: number, index: Expr, value: Expr): Phase['stores'][number] => ({
  buffer,
  index,
  value,
  mode: 'set',
  guard: null,
});
export const nest = (outer: readonly Loop[], ...phases: readonly Phase[]): Nest => ({
  outer,
  phases,
  contraction: null,
});
export const kernel = (name: string, buffers: readonly BufferArg[], ...nests: readonly Nest[]): Kernel => ({
  name,
  buffers,
  scalars: [],
  nests,
});

/** out[i] = value(in[i]) */
export function pointwise(name: string, size: number, value: (x: Expr) => Expr): Kernel {
  const i = loop('i', size);
  const body = phase([], { stores: [set(1, i.variable, value(load(0, i.variable)))] });
  return kernel(name, [floats(size), floats(size, 'write')], nest([i], body));
}

export function softmax(rows: number, columns: number): Kernel {
  const row = loop('row', rows);
  const [first, second, third] = ['i', 'j', 'k'].map((name) => loop(name, columns));
  const at = (column: Loop) => op('add', op('mul', row.variable, int(columns)), column.variable);
  const shifted = (column: Loop) => op('exp', op('sub', load(0, at(column)), b.acc(0, 'float32')));
  return kernel(
    'softmax',
    [floats(rows * columns), floats(rows * columns, 'write')],
    nest(
      [row],
      phase([first], { reductions: [{ acc: 0, op: 'max', dtype: 'float32', value: load(0, at(first)) }] }),
      phase([second], { reductions: [{ acc: 1, op: 'sum', dtype: 'float32', value: shifted(second) }] }),
      phase([third], { stores: [set(1, at(third), op('div', shifted(third), b.acc(1, 'float32')))] }),
    ),
  );
}

/** out[column] = Σ in[row, column] */
export function columnSum(rows: number, columns: number): Kernel {
  const row = loop('row', rows);
  const column = loop('column', columns);
  const value = load(0, op('add', op('mul', row.variable, int(columns)), column.variable));
  return kernel(
    'column_sum',
    [floats(rows * columns), floats(columns, 'write')],
    nest(
      [column],
      phase([row], { reductions: [{ acc: 0, op: 'sum', dtype: 'float32', value }] }),
      phase([], { stores: [set(1, column.variable, b.acc(0, 'float32'))] }),
    ),
  );
}
