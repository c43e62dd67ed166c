/** Reductions: rows, columns and all of a matrix, and what special values come to. */
import { DTYPE_NAMES, type DType } from '../dtype.js';
import type { ReduceOp } from '../kernel/ir.js';
import { factors, kernelCase, lossOf, REDUCE_OPS, uniform, values } from './case.js';
import type { KernelCase } from './harness.js';
import {
  acc,
  constant,
  index,
  load,
  loop,
  nest,
  phase,
  reads,
  reduction,
  store,
  writes,
} from './kernel-builder.js';

/** Reduces the rows, the columns or all of [rows, cols]. */
function reduceCase(
  reduce: ReduceOp,
  dtype: DType,
  rows: number,
  cols: number,
  over: 'rows' | 'columns' | 'all',
) {
  const r = loop('r', rows);
  const c = loop('c', cols);
  const x = load(0, index(0, [r, cols], [c, 1]), dtype);
  const [outer, inner] = { rows: [[c], [r]], columns: [[r], [c]], all: [[], [r, c]] }[over];
  const size = outer.reduce((n, { size }) => n * size, 1);
  const at = outer.length > 0 ? outer[0].variable : constant(0, 'int32');
  const count = inner.reduce((n, { size }) => n * size, 1);
  return kernelCase(
    `${reduce} over ${over} of [${rows}, ${cols}] ${dtype}`,
    [reads(rows * cols, dtype), writes(size, dtype)],
    [
      nest(outer, [
        phase(inner, { reductions: [reduction(0, reduce, x)] }),
        phase([], { stores: [store(1, at, acc(0, dtype))] }),
      ]),
    ],
    [reduce === 'prod' ? factors(dtype, rows * cols) : values(dtype, rows * cols, 1), undefined],
    { tolerance: lossOf(reduce, dtype, count) },
  );
}

function plainReductions(): KernelCase[] {
  const cases: KernelCase[] = [];
  for (const dtype of DTYPE_NAMES) {
    for (const reduce of REDUCE_OPS) {
      if (dtype === 'bool' && (reduce === 'sum' || reduce === 'prod')) continue;
      for (const over of ['rows', 'columns', 'all'] as const)
        cases.push(reduceCase(reduce, dtype, 5, 37, over));
    }
  }
  // Rows that many lanes share.
  for (const dtype of ['float32', 'float16', 'uint32', 'int8', 'bool'] as const) {
    for (const reduce of dtype === 'bool' ? (['max', 'min'] as const) : REDUCE_OPS)
      cases.push(reduceCase(reduce, dtype, 3, 300, 'columns'));
  }
  for (const size of [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 33, 1000]) {
    for (const over of ['rows', 'columns', 'all'] as const) {
      cases.push(reduceCase('sum', 'float32', 3, size, over), reduceCase('max', 'float32', size, 4, over));
      cases.push(reduceCase('min', 'int32', 3, size, over));
    }
  }
  return cases;
}

function specialReductions(): KernelCase[] {
  return [33, 300].flatMap(reductionsOfSpecialValues);
}

/** Sum, maximum and minimum of three rows with NaN or infinities. */
function reductionsOfSpecialValues(size: number): KernelCase[] {
  const { NaN: nan } = Number;
  const k = loop('k', size);
  const r = loop('r', 3);
  const x = load(0, index(0, [r, size], [k, 1]));
  const rows = [3, 17, size - 1].map((at) => uniform(size, at).map((v, i) => (i === at ? nan : v)));
  const infinities = [
    ...new Array<number>(size).fill(-Infinity),
    ...new Array<number>(size).fill(Infinity),
    ...uniform(size, 1).map((v, i) => (i === 5 ? Infinity : i === 20 ? -Infinity : v)),
  ];
  const all = REDUCE_OPS.filter((o) => o !== 'prod');
  const kernels = (name: string, content: readonly number[]) =>
    kernelCase(
      name,
      [reads(3 * size), ...all.map(() => writes(3))],
      [
        nest(
          [r],
          [
            phase([k], { reductions: all.map((o, n) => reduction(n, o, x)) }),
            phase([], { stores: all.map((_, n) => store(n + 1, r.variable, acc(n))) }),
          ],
        ),
      ],
      [content, ...all.map(() => undefined)],
      { tolerance: lossOf('sum', 'float32', size) },
    );
  return [
    kernels(`three reductions of ${size} at once, a NaN in each row`, rows.flat()),
    kernels(`infinities among ${size}`, infinities),
  ];
}

/** Every case of a reduction alone. */
export const reductionCases = (): Readonly<Record<string, readonly KernelCase[]>> => ({
  reductions: [...plainReductions(), ...specialReductions()],
});
