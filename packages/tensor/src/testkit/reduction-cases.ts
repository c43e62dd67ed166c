/** Reductions, kernels of several phases, scans and scatters. */
import { DTYPE_NAMES, type DType, isFloat } from '../dtype.js';
import { roundTo } from '../kernel/exact.js';
import type { Expr, Nest, ReduceOp } from '../kernel/ir.js';
import { kernelCase, uniform, values } from './case.js';
import type { KernelCase, Tolerance } from './harness.js';
import {
  acc,
  builder,
  cast,
  constant,
  index,
  load,
  loop,
  nest,
  op,
  phase,
  reads,
  reduction,
  store,
  updates,
  within,
  writes,
} from './kernel-builder.js';

const REDUCE_OPS: readonly ReduceOp[] = ['sum', 'prod', 'max', 'min'];

/** What summing `count` numbers of about 1 in an order of the backend's own may lose. */
function lossOf(op: ReduceOp, dtype: DType, count: number): Tolerance {
  if (!isFloat(dtype) || op === 'max' || op === 'min') return {};
  const unit = { float32: 6e-8, float16: 5e-4 }[dtype as string] ?? 1.2e-16;
  return { rtol: unit * (count + 4), atol: unit * (count + 4) };
}

/** Numbers whose product neither vanishes nor overflows. */
function factors(dtype: DType, count: number): number[] {
  if (!isFloat(dtype)) return values(dtype, count, 3);
  return uniform(count, 3).map((x) => roundTo(dtype)((x < 0 ? -1 : 1) * (1 + x / 8)));
}

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

/** Row-wise kernels over [rows, cols]: x in buffer 0, the result in the last one. */
const ROWS = 4;
const WIDTHS = [1, 3, 4, 10, 37, 128, 520];
const FLOATS = ['float32', 'float64', 'float16'] as const;
const LOOSE: Readonly<Record<string, Tolerance>> = {
  float32: { rtol: 1e-5, atol: 1e-6 },
  float64: { rtol: 1e-12, atol: 1e-13 },
  float16: { rtol: 4e-3, atol: 2e-3 },
};

function softmax(cols: number, dtype: DType, log: boolean): KernelCase {
  const r = loop('r', ROWS);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => loop(name, cols));
  const at = (l: typeof a) => index(0, [r, cols], [l, 1]);
  const shifted = (l: typeof a) => op('sub', load(0, at(l), dtype), acc(0, dtype));
  const value = log
    ? op('sub', shifted(c), op('log', acc(1, dtype)))
    : op('div', op('exp', shifted(c)), acc(1, dtype));
  return kernelCase(
    `${log ? 'log-softmax' : 'softmax'} of [${ROWS}, ${cols}] ${dtype}`,
    [reads(ROWS * cols, dtype), writes(ROWS * cols, dtype)],
    [
      nest(
        [r],
        [
          phase([a], { reductions: [reduction(0, 'max', load(0, at(a), dtype))] }),
          phase([b], { reductions: [reduction(1, 'sum', op('exp', shifted(b)))] }),
          phase([c], { stores: [store(1, at(c), value)] }),
        ],
      ),
    ],
    [values(dtype, ROWS * cols, 1), undefined],
    { tolerance: LOOSE[dtype] },
  );
}

/** Layer norm in place where `inPlace`, with weight and bias, and the mean and reciprocal deviation as second and third result. */
function layerNorm(cols: number, dtype: DType, inPlace: boolean): KernelCase {
  const r = loop('r', ROWS);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => loop(name, cols));
  const at = (l: typeof a) => index(0, [r, cols], [l, 1]);
  const scale = constant(roundTo(dtype)(1 / cols), dtype);
  const mean = op('mul', acc(0, dtype), scale);
  const centred = (l: typeof a) => op('sub', load(0, at(l), dtype), mean);
  const variance = op('mul', acc(1, dtype), scale);
  const inverse = op('reciprocal', op('sqrt', op('add', variance, constant(roundTo(dtype)(1e-3), dtype))));
  const normal = op('mul', centred(c), inverse);
  const value = op('add', op('mul', normal, load(1, c.variable, dtype)), load(2, c.variable, dtype));
  return kernelCase(
    `layer norm of [${ROWS}, ${cols}] ${dtype}${inPlace ? ' in place' : ''}`,
    [
      inPlace ? updates(ROWS * cols, dtype) : reads(ROWS * cols, dtype),
      reads(cols, dtype),
      reads(cols, dtype),
      writes(ROWS, dtype),
      writes(ROWS, dtype),
      writes(ROWS * cols, dtype),
    ],
    [
      nest(
        [r],
        [
          phase([a], { reductions: [reduction(0, 'sum', load(0, at(a), dtype))] }),
          phase([b], { reductions: [reduction(1, 'sum', op('mul', centred(b), centred(b)))] }),
          phase([], { stores: [store(3, r.variable, mean), store(4, r.variable, inverse)] }),
          phase([c], { stores: [store(inPlace ? 0 : 5, at(c), value)] }),
        ],
      ),
    ],
    [
      values(dtype, ROWS * cols, 1),
      values(dtype, cols, 2),
      values(dtype, cols, 3),
      undefined,
      undefined,
      undefined,
    ],
    { tolerance: dtype === 'float16' ? { rtol: 2e-2, atol: 5e-2 } : { ...LOOSE[dtype], atol: 1e-5 } },
  );
}

/** Cross entropy by class index: its value, and with the same row sums its gradient. */
function crossEntropy(cols: number): KernelCase {
  const r = loop('r', ROWS);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => loop(name, cols));
  const at = (l: typeof a) => index(0, [r, cols], [l, 1]);
  const target = load(1, r.variable, 'int32');
  const logits = (i: Expr) => op('sub', load(0, i), acc(0));
  const probability = op('div', op('exp', logits(at(c))), acc(1));
  const hit = cast('float32', op('eq', c.variable, target));
  return kernelCase(
    `cross entropy of [${ROWS}, ${cols}] and its gradient`,
    [reads(ROWS * cols), reads(ROWS, 'int32'), writes(ROWS), writes(ROWS * cols)],
    [
      nest(
        [r],
        [
          phase([a], { reductions: [reduction(0, 'max', load(0, at(a)))] }),
          phase([b], { reductions: [reduction(1, 'sum', op('exp', logits(at(b))))] }),
          phase([], {
            stores: [
              store(2, r.variable, op('sub', op('log', acc(1)), logits(index(0, [r, cols], [target, 1])))),
            ],
          }),
          phase([c], { stores: [store(3, at(c), op('sub', probability, hit))] }),
        ],
      ),
    ],
    [
      values('float32', ROWS * cols, 1),
      values('int32', ROWS, 2).map((x) => Math.abs(x) % cols),
      undefined,
      undefined,
    ],
    { tolerance: LOOSE.float32 },
  );
}

/** Mean and variance per channel of [n, c, s]: a phase of two loops that are not neighbours in memory. */
function channelStatistics(): KernelCase {
  const [batch, channels, space] = [3, 5, 14];
  const c = loop('c', channels);
  const [n, s, n2, s2] = [loop('n', batch), loop('s', space), loop('n', batch), loop('s', space)];
  const at = (x: typeof n, y: typeof s) => load(0, index(0, [x, channels * space], [c, space], [y, 1]));
  const mean = op('mul', acc(0), constant(Math.fround(1 / (batch * space))));
  const centred = op('sub', at(n2, s2), mean);
  return kernelCase(
    'mean and variance per channel',
    [reads(batch * channels * space), writes(channels), writes(channels)],
    [
      nest(
        [c],
        [
          phase([n, s], { reductions: [reduction(0, 'sum', at(n, s))] }),
          phase([n2, s2], { reductions: [reduction(1, 'sum', op('mul', centred, centred))] }),
          phase([], { stores: [store(1, c.variable, mean), store(2, c.variable, acc(1))] }),
        ],
      ),
    ],
    [values('float32', batch * channels * space, 1), undefined, undefined],
    { tolerance: { rtol: 1e-5, atol: 1e-5 } },
  );
}

/** The first place of each row's maximum: a reduction over values, then one over int32 places. */
function argmax(): KernelCase {
  const cols = 21;
  const r = loop('r', ROWS);
  const [a, b] = [loop('a', cols), loop('b', cols)];
  const at = (l: typeof a) => load(0, index(0, [r, cols], [l, 1]));
  const place = op('where', op('eq', at(b), acc(0)), b.variable, constant(cols, 'int32'));
  const content = values('float32', ROWS * cols, 1).map((x) => Math.round(x));
  const expected = Array.from({ length: ROWS }, (_, i) => {
    const row = content.slice(i * cols, (i + 1) * cols);
    return row.indexOf(Math.max(...row));
  });
  return kernelCase(
    'argmax with ties',
    [reads(ROWS * cols), writes(ROWS, 'int32')],
    [
      nest(
        [r],
        [
          phase([a], { reductions: [reduction(0, 'max', at(a))] }),
          phase([b], { reductions: [reduction(1, 'min', place)] }),
          phase([], { stores: [store(1, r.variable, acc(1, 'int32'))] }),
        ],
      ),
    ],
    [content, undefined],
    { expected: { 1: expected } },
  );
}

/** A gradient summed over the batch, then momentum and parameter updated in place; two such nests in one kernel. */
function reduceThenUpdate(): KernelCase {
  const batch = 6;
  const part = (first: number, size: number): Nest => {
    const i = loop('i', size);
    const n = loop('n', batch);
    const momentum = op('add', op('mul', load(first + 1, i.variable), constant(Math.fround(0.9))), acc(0));
    return nest(
      [i],
      [
        phase([n], { reductions: [reduction(0, 'sum', load(first, index(0, [n, size], [i, 1])))] }),
        phase([], {
          stores: [
            store(first + 1, i.variable, momentum),
            store(
              first + 2,
              i.variable,
              op('sub', load(first + 2, i.variable), op('mul', builder.scalar(0, 'float32'), momentum)),
            ),
          ],
        }),
      ],
    );
  };
  const sizes = [17, 4];
  return kernelCase(
    'sum over the batch, then momentum and parameter in place',
    sizes.flatMap((size) => [reads(batch * size), updates(size), updates(size)]),
    sizes.map((size, n) => part(3 * n, size)),
    sizes.flatMap((size, n) => [uniform(batch * size, n), uniform(size, n + 5), uniform(size, n + 9)]),
    { scalarTypes: ['float32'], scalars: [0.01], tolerance: { rtol: 1e-5, atol: 1e-6 } },
  );
}

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

/** Every case with a reduction or an order. */
export function reductionCases(): Readonly<Record<string, readonly KernelCase[]>> {
  const rowWise = FLOATS.flatMap((dtype) =>
    WIDTHS.flatMap((cols) => [
      softmax(cols, dtype, false),
      softmax(cols, dtype, true),
      layerNorm(cols, dtype, false),
      layerNorm(cols, dtype, true),
    ]),
  );
  const scatters = (['set', 'add', 'mul', 'max', 'min'] as const).flatMap((mode) =>
    (['float32', 'float64', 'int32'] as const).flatMap((dtype) => [
      scatter(mode, dtype, false),
      scatter(mode, dtype, true),
    ]),
  );
  return {
    reductions: [...plainReductions(), ...specialReductions()],
    'several phases': [
      ...rowWise,
      ...[1, 4, 10].map(crossEntropy),
      channelStatistics(),
      argmax(),
      reduceThenUpdate(),
    ],
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
