/** Kernels of several phases: normalizations along rows, losses, statistics of channels, what a reduction is used for. */
import type { DType } from '../dtype.js';
import { roundTo } from '../kernel/exact.js';
import type { Expr, Nest } from '../kernel/ir.js';
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
  writes,
} from './kernel-builder.js';

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

/** Every case of several phases. */
export function phaseCases(): Readonly<Record<string, readonly KernelCase[]>> {
  const rowWise = FLOATS.flatMap((dtype) =>
    WIDTHS.flatMap((cols) => [
      softmax(cols, dtype, false),
      softmax(cols, dtype, true),
      layerNorm(cols, dtype, false),
      layerNorm(cols, dtype, true),
    ]),
  );
  return {
    'several phases': [
      ...rowWise,
      ...[1, 4, 10].map(crossEntropy),
      channelStatistics(),
      argmax(),
      reduceThenUpdate(),
    ],
  };
}
