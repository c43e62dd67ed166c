/** Kernels that sort rows, as the scheduler writes them: from rows that the loops do at once to those that are merged from many runs. */
import { type DType, isFloat } from '../dtype.js';
import { comesBefore } from '../kernel/sorting.js';
import { kernelCase, values } from './case.js';
import type { KernelCase } from './harness.js';
import {
  acc,
  builder,
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

/** Numbers with ties; of floats also both zeros, infinities and NaN, in places that differ from row to row. */
function keys(dtype: DType, count: number): number[] {
  const special = [Number.NaN, -0, Number.POSITIVE_INFINITY, 0, Number.NEGATIVE_INFINITY, Number.NaN];
  return values(dtype, count, 6).map((x, i) => {
    if (!isFloat(dtype)) return dtype.startsWith('u') ? Math.abs(x) % 50 : x % 50;
    return i % 11 === 5 ? special[i % special.length] : Math.round(x * 8) / 8;
  });
}

/** Positions in stable order; a NaN is greater than any number. */
function sortedPositions(row: readonly number[], descending: boolean): number[] {
  const compare = (x: number, y: number): number => {
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return Number(x > y) - Number(x < y);
  };
  const sign = descending ? -1 : 1;
  return row.map((_, i) => i).sort((i, j) => sign * compare(row[i], row[j]) || i - j);
}

/** `rows` rows of `size` elements, side by side (`columns`) or one after another. */
function argsort(
  dtype: DType,
  [rows, size]: readonly [number, number],
  { descending = false, columns = false } = {},
): KernelCase {
  const [row, place, other] = [loop('row', rows), loop('i', size), loop('next', size)];
  const [rowStep, step] = columns ? [1, rows] : [size, 1];
  const key = (l: typeof place) => load(0, index(0, [row, rowStep], [l, step]), dtype);
  const before = comesBefore(
    builder,
    { key: key(other), place: other.variable },
    { key: key(place), place: place.variable },
    descending,
  );
  const content = keys(dtype, rows * size);
  const expected = new Array<number>(rows * size);
  for (let r = 0; r < rows; r++) {
    const own = Array.from({ length: size }, (_, i) => content[r * rowStep + i * step]);
    sortedPositions(own, descending).forEach((position, rank) => {
      expected[r * rowStep + rank * step] = position;
    });
  }
  return kernelCase(
    `argsort of ${rows} ${columns ? 'columns' : 'rows'} of ${size}, ${dtype}${descending ? ', descending' : ''}`,
    [reads(rows * size, dtype), writes(rows * size, 'int32')],
    [
      nest(columns ? [place, row] : [row, place], [
        phase([other], { reductions: [reduction(0, 'sum', before)] }),
        phase([], { stores: [store(1, index(0, [row, rowStep], [acc(0, 'int32'), step]), place.variable)] }),
      ]),
    ],
    [content, undefined],
    { expected: { 1: expected } },
  );
}

/** Every case of a sort. */
export function sortCases(): readonly KernelCase[] {
  const sizes = [
    [5, 7],
    [37, 16],
    [3, 100],
    [2, 256],
    [1, 257],
    [2, 700],
  ] as const;
  return [
    ...sizes.flatMap((size) => [
      argsort('float32', size),
      argsort('float32', size, { descending: true, columns: true }),
    ]),
    ...(['float64', 'float16', 'int32', 'uint8'] as const).flatMap((dtype) => [
      argsort(dtype, [3, 90], { descending: true }),
      argsort(dtype, [1, 300]),
    ]),
  ];
}
