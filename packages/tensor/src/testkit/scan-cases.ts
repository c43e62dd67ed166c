/** Scans and scatters: what has an order. */
import type { DType } from '../dtype.js';
import type { ReduceOp } from '../kernel/ir.js';
import { factors, kernelCase, lossOf, REDUCE_OPS, values } from './case.js';
import type { KernelCase } from './harness.js';
import {
  acc,
  index,
  load,
  loop,
  nest,
  phase,
  reads,
  reduction,
  store,
  within,
  writes,
} from './kernel-builder.js';

/** Scans along the rows or, `down`, the columns of [3, size]. */
function scan(
  reduce: ReduceOp,
  dtype: DType,
  size: number,
  { down = false, backwards = false } = {},
): KernelCase {
  const r = loop('r', 3);
  const k = loop('k', size);
  const place = backwards ? index(size - 1, [k, -1]) : k.variable;
  const at = down ? index(0, [place, 3], [r, 1]) : index(0, [r, size], [place, 1]);
  const content = reduce === 'prod' ? factors(dtype, 3 * size) : values(dtype, 3 * size, 1);
  return kernelCase(
    `running ${reduce} of ${size} ${dtype}${down ? ' down columns' : ''}${backwards ? ' backwards' : ''}`,
    [reads(3 * size, dtype), writes(3 * size, dtype)],
    [
      nest(
        [r],
        [
          phase([k], {
            ordered: true,
            reductions: [reduction(0, reduce, load(0, at, dtype))],
            stores: [store(1, at, acc(0, dtype))],
          }),
        ],
      ),
    ],
    [content, undefined],
    { tolerance: lossOf(reduce, dtype, size) },
  );
}

function scans(): KernelCase[] {
  return [
    ...[0, 1, 4, 5, 33].map((size) => scan('sum', 'float32', size)),
    ...REDUCE_OPS.flatMap((reduce) =>
      (['float32', 'float64', 'int32'] as const).flatMap((dtype) => [
        scan(reduce, dtype, 13, { down: true }),
        scan(reduce, dtype, 13, { backwards: true }),
      ]),
    ),
  ];
}

/** Adds (or else combines) source rows into the rows of a copied target that an int32 buffer names, some of them often. */
function scatter(
  mode: 'set' | 'add' | 'mul' | 'max' | 'min',
  dtype: DType,
  guarded: boolean,
  count = 29,
): KernelCase {
  const [rows, width] = [7, 5];
  const j = loop('j', width);
  const [i, k] = [loop('i', rows), loop('k', count)];
  const target = load(2, k.variable, 'int32');
  const places = values('int32', count, 4).map((x) => (guarded ? x % 11 : Math.abs(x) % rows));
  return kernelCase(
    `scatter of ${count} by ${mode}, ${dtype}${guarded ? ', some indices outside' : ''}`,
    [
      reads(rows * width, dtype),
      reads(count * width, dtype),
      reads(count, 'int32'),
      writes(rows * width, dtype),
    ],
    [
      nest(
        [j],
        [
          phase([i], {
            stores: [store(3, index(0, [i, width], [j, 1]), load(0, index(0, [i, width], [j, 1]), dtype))],
          }),
          phase([k], {
            ordered: true,
            stores: [
              store(3, index(0, [target, width], [j, 1]), load(1, index(0, [k, width], [j, 1]), dtype), {
                mode,
                guard: guarded ? within(target, rows) : null,
              }),
            ],
          }),
        ],
      ),
    ],
    [
      values(dtype, rows * width, 1),
      mode === 'mul' ? factors(dtype, count * width) : values(dtype, count * width, 2),
      places,
      undefined,
    ],
    { tolerance: mode === 'add' || mode === 'mul' ? lossOf('sum', dtype, count) : {} },
  );
}

/** Every case with an order. */
export function scanCases(): Readonly<Record<string, readonly KernelCase[]>> {
  const scatters = (['set', 'add', 'mul', 'max', 'min'] as const).flatMap((mode) =>
    (['float32', 'float64', 'int32'] as const).flatMap((dtype) => [
      scatter(mode, dtype, false),
      scatter(mode, dtype, true),
    ]),
  );
  return {
    scans: scans(),
    scatters: [
      ...scatters,
      // So many that a device may sort them by target.
      scatter('add', 'float32', false, 300),
      scatter('add', 'float32', true, 700),
      scatter('set', 'int32', true, 300),
    ],
  };
}
