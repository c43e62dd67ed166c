/** Where kernels load and store: strides, permutations, gathers, guards. */
import type { Expr } from '../kernel/ir.js';
import { kernelCase, uniform, values } from './case.js';
import type { KernelCase } from './harness.js';
import {
  cast,
  constant,
  index,
  load,
  loop,
  op,
  pointwise,
  reads,
  store,
  updates,
  within,
  writes,
} from './kernel-builder.js';

/** in0 read at `from`, written to out1 at `to`, one float32 case. */
function indexCase(
  name: string,
  loops: readonly ReturnType<typeof loop>[],
  inSize: number,
  outSize: number,
  from: Expr,
  to: Expr,
  expected?: readonly number[],
): KernelCase {
  return kernelCase(
    name,
    [reads(inSize), writes(outSize)],
    [pointwise(loops, store(1, to, load(0, from)))],
    [Array.from({ length: inSize }, (_, i) => i), undefined],
    expected ? { expected: { 1: expected } } : {},
  );
}

function indices(): KernelCase[] {
  const [rows, cols] = [5, 37];
  const r = loop('r', rows);
  const c = loop('c', cols);
  const i = loop('i', 35);
  const five = constant(5, 'int32');
  const [x, y, z, w] = [loop('x', 3), loop('y', 1), loop('z', 5), loop('w', 6)];
  return [
    indexCase(
      'transpose',
      [r, c],
      rows * cols,
      rows * cols,
      index(0, [c, rows], [r, 1]),
      index(0, [r, cols], [c, 1]),
    ),
    indexCase(
      'transposed store',
      [r, c],
      rows * cols,
      rows * cols,
      index(0, [r, cols], [c, 1]),
      index(0, [c, rows], [r, 1]),
    ),
    indexCase('strides and offsets', [c], 3 * cols + 1, 2 * cols, index(1, [c, 3]), index(1, [c, 2])),
    indexCase(
      'backwards',
      [c],
      cols,
      cols,
      index(cols - 1, [c, -1]),
      index(0, [c, 1]),
      Array.from({ length: cols }, (_, k) => cols - 1 - k),
    ),
    indexCase('backwards store', [c], cols, cols, index(0, [c, 1]), index(cols - 1, [c, -1])),
    indexCase(
      'quotient and remainder',
      [i],
      35,
      35,
      index(0, [op('rem', i.variable, five), 7], [op('div', i.variable, five), 1]),
      i.variable,
    ),
    indexCase(
      'modulo, wrapped',
      [i],
      35,
      35,
      op('mod', index(3, [i, 1]), constant(35, 'int32')),
      i.variable,
      Array.from({ length: 35 }, (_, k) => (k + 3) % 35),
    ),
    indexCase(
      'clamped',
      [i],
      10,
      35,
      op('min', op('max', index(-4, [i, 1]), constant(0, 'int32')), constant(9, 'int32')),
      i.variable,
    ),
    indexCase(
      'chosen by where',
      [i],
      35,
      35,
      op('where', op('lt', i.variable, five), index(30, [i, 1]), index(-5, [i, 1])),
      i.variable,
    ),
    indexCase(
      'permutation of four dimensions, one of size 1',
      [x, y, z, w],
      90,
      90,
      index(0, [w, 15], [x, 5], [y, 90], [z, 1]),
      index(0, [x, 30], [y, 30], [z, 6], [w, 1]),
    ),
    indexCase('one value everywhere', [c], 1, cols, constant(0, 'int32'), c.variable),
    kernelCase(
      'broadcast of rows, columns and a single value',
      [reads(rows * cols), reads(cols), reads(rows), reads(1), writes(rows * cols)],
      [
        pointwise(
          [r, c],
          store(
            4,
            index(0, [r, cols], [c, 1]),
            op(
              'mul',
              op('add', load(0, index(0, [r, cols], [c, 1])), load(1, c.variable)),
              op('sub', load(2, r.variable), load(3, constant(0, 'int32'))),
            ),
          ),
        ),
      ],
      [uniform(rows * cols, 1), uniform(cols, 2), uniform(rows, 3), [0.25], undefined],
    ),
    kernelCase(
      'loop variables as values',
      [writes(rows * cols, 'int32'), writes(rows * cols)],
      [
        pointwise(
          [r, c],
          store(0, index(0, [r, cols], [c, 1]), index(1, [r, 100], [c, 2])),
          store(1, index(0, [r, cols], [c, 1]), cast('float32', index(0, [r, 1], [c, -1]))),
        ),
      ],
      [undefined, undefined],
    ),
  ];
}

function gathers(): KernelCase[] {
  const [count, width, rows] = [19, 7, 11];
  const i = loop('i', count);
  const j = loop('j', width);
  const picks = values('int32', count, 5).map((x) => Math.abs(x) % rows);
  return [
    kernelCase(
      'gather of elements',
      [reads(rows), reads(count, 'int32'), writes(count)],
      [pointwise([i], store(2, i.variable, load(0, load(1, i.variable, 'int32'))))],
      [uniform(rows, 1), picks, undefined],
    ),
    kernelCase(
      'gather of rows',
      [reads(rows * width), reads(count, 'int32'), writes(count * width)],
      [
        pointwise(
          [i, j],
          store(
            2,
            index(0, [i, width], [j, 1]),
            load(0, index(0, [load(1, i.variable, 'int32'), width], [j, 1])),
          ),
        ),
      ],
      [uniform(rows * width, 1), picks, undefined],
    ),
    kernelCase(
      'gather where the index is valid, else 0',
      [reads(rows), reads(count, 'int32'), writes(count)],
      [
        pointwise(
          [i],
          store(
            2,
            i.variable,
            load(0, load(1, i.variable, 'int32'), 'float32', within(load(1, i.variable, 'int32'), rows)),
          ),
        ),
      ],
      [uniform(rows, 1), picks.map((p, k) => (k % 4 === 0 ? -1 - p : p + (k % 3) * 5)), undefined],
    ),
    kernelCase(
      'store to a permutation read from a buffer',
      [reads(count), reads(count, 'int32'), writes(count)],
      [pointwise([i], store(2, load(1, i.variable, 'int32'), load(0, i.variable)))],
      [uniform(count, 1), picks.map((_, k) => (k * 7) % count), undefined],
    ),
  ];
}

function guards(): KernelCase[] {
  const [size, padded] = [13, 20];
  const i = loop('i', padded);
  const j = loop('j', 6);
  const shifted = index(-3, [i, 1]);
  const row = index(-1, [j, 1]);
  const dtypes = ['float32', 'float64', 'float16', 'int32', 'uint8', 'bool'] as const;
  return [
    ...dtypes.map((dtype) =>
      kernelCase(
        `padding with zeros, ${dtype}`,
        [reads(size, dtype), writes(padded, dtype)],
        [pointwise([i], store(1, i.variable, load(0, shifted, dtype, within(shifted, size))))],
        [values(dtype, size, 1), undefined],
      ),
    ),
    kernelCase(
      'padding in two dimensions, then arithmetic',
      [reads(4 * size), writes(6 * padded)],
      [
        pointwise(
          [j, i],
          store(
            1,
            index(0, [j, padded], [i, 1]),
            op(
              'add',
              op(
                'exp',
                load(
                  0,
                  index(0, [row, size], [shifted, 1]),
                  'float32',
                  op('and', within(row, 4), within(shifted, size)),
                ),
              ),
              constant(1),
            ),
          ),
        ),
      ],
      [uniform(4 * size, 1), undefined],
      { tolerance: { ulps: 4 } },
    ),
    kernelCase(
      'concatenation: two guarded loads',
      [reads(size), reads(padded - size), writes(padded)],
      [
        pointwise(
          [i],
          store(
            2,
            i.variable,
            op(
              'where',
              op('lt', i.variable, constant(size, 'int32')),
              load(0, i.variable, 'float32', op('lt', i.variable, constant(size, 'int32'))),
              load(1, index(-size, [i, 1]), 'float32', op('le', constant(size, 'int32'), i.variable)),
            ),
          ),
        ),
      ],
      [uniform(size, 1), uniform(padded - size, 2), undefined],
      { expected: { 2: [...uniform(size, 1), ...uniform(padded - size, 2)].map(Math.fround) } },
    ),
    kernelCase(
      'guarded store',
      [reads(padded), writes(size)],
      [pointwise([i], store(1, shifted, load(0, i.variable), { guard: within(shifted, size) }))],
      [uniform(padded, 1), undefined],
    ),
    kernelCase(
      'store guarded by a value, elements left as they were',
      [reads(padded), updates(padded)],
      [
        pointwise(
          [i],
          store(1, i.variable, op('sqrt', load(0, i.variable)), {
            guard: op('lt', constant(0), load(0, i.variable)),
          }),
        ),
      ],
      [uniform(padded, 1), uniform(padded, 2)],
    ),
  ];
}

/** Every case about places in buffers. */
export function indexCases(): Readonly<Record<string, readonly KernelCase[]>> {
  return { indices: indices(), gathers: gathers(), guards: guards() };
}
