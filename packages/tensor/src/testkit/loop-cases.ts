/** Pointwise kernels: loop sizes, scalars, several stores and nests, updates in place, random bits. */
import { DTYPE_NAMES, isFloat } from '../dtype.js';
import { roundTo } from '../kernel/exact.js';
import type { Expr, Nest } from '../kernel/ir.js';
import { threefryFill } from '../kernel/threefry.js';
import { EDGE_SIZES, kernelCase, uniform, values } from './case.js';
import type { KernelCase } from './harness.js';
import {
  builder,
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
  writes,
} from './kernel-builder.js';

function sizes(): KernelCase[] {
  return EDGE_SIZES.flatMap((size) =>
    (['float32', 'float64', 'float16', 'int32', 'uint8', 'int8'] as const).map((dtype) => {
      const i = loop('i', size);
      const sum = op('add', load(0, i.variable, dtype), load(1, i.variable, dtype));
      const value = op('mul', sum, constant(3, dtype));
      return kernelCase(
        `(a + b) · 3, ${size} of ${dtype}`,
        [reads(size, dtype), reads(size, dtype), writes(size, dtype)],
        [pointwise([i], store(2, i.variable, value))],
        [values(dtype, size, 1), values(dtype, size, 2), undefined],
      );
    }),
  );
}

function copies(): KernelCase[] {
  return DTYPE_NAMES.flatMap((dtype) =>
    [1, 7, 33].map((size) => {
      const i = loop('i', size);
      return kernelCase(
        `copy ${size} of ${dtype}`,
        [reads(size, dtype), writes(size, dtype)],
        [pointwise([i], store(1, i.variable, load(0, i.variable, dtype)))],
        [values(dtype, size, 1), undefined],
        { expected: { 1: values(dtype, size, 1) } },
      );
    }),
  );
}

function combiningStores(): KernelCase[] {
  const i = loop('i', 33);
  return (['add', 'mul', 'max', 'min'] as const).flatMap((mode) =>
    (['float32', 'float64', 'int32', 'uint8'] as const).map((dtype) =>
      kernelCase(
        `store that combines by ${mode}, ${dtype}`,
        [reads(33, dtype), updates(33, dtype)],
        [pointwise([i], store(1, i.variable, load(0, i.variable, dtype), { mode }))],
        [values(dtype, 33, 1), values(dtype, 33, 2)],
      ),
    ),
  );
}

function severalOutputs(): KernelCase[] {
  const i = loop('i', 31);
  const j = loop('j', 6);
  const k = loop('k', 9);
  const x = load(0, i.variable);
  const e = op('add', op('mul', x, x), constant(1));
  let chain: Expr = x;
  for (let n = 0; n < 60; n++) {
    chain = op('add', op('mul', chain, constant(n % 2 ? -0.75 : 0.5)), op('max', chain, x));
  }
  return [
    kernelCase(
      'shared subexpression, stores of four dtypes',
      [
        reads(31),
        writes(31),
        writes(31, 'bool'),
        writes(31, 'int32'),
        writes(31, 'float64'),
        writes(31, 'uint8'),
      ],
      [
        pointwise(
          [i],
          store(1, i.variable, op('div', x, e)),
          store(2, i.variable, op('lt', constant(1.25), e)),
          store(3, i.variable, cast('int32', op('mul', e, constant(10)))),
          store(4, i.variable, cast('float64', e)),
          store(5, i.variable, cast('uint8', op('mul', x, constant(300)))),
        ),
      ],
      [uniform(31, 1), undefined, undefined, undefined, undefined, undefined],
    ),
    kernelCase(
      'nests of different sizes in one kernel',
      [reads(31), writes(31), writes(54), reads(1, 'int32'), writes(1, 'int32')],
      [
        pointwise([i], store(1, i.variable, op('neg', x))),
        pointwise(
          [j, k],
          store(2, index(0, [j, 9], [k, 1]), cast('float32', op('mul', j.variable, k.variable))),
        ),
        pointwise(
          [],
          store(
            4,
            constant(0, 'int32'),
            op('add', load(3, constant(0, 'int32'), 'int32'), constant(1, 'int32')),
          ),
        ),
      ],
      [uniform(31, 1), undefined, undefined, [41], undefined],
      { expected: { 4: [42] } },
    ),
    kernelCase(
      'a long chain',
      [reads(31), writes(31)],
      [pointwise([i], store(1, i.variable, chain))],
      [uniform(31, 1), undefined],
      { tolerance: { rtol: 1e-5 } },
    ),
    kernelCase(
      'a constant in every dtype',
      DTYPE_NAMES.map((dtype) => writes(9, dtype)),
      [pointwise([k], ...DTYPE_NAMES.map((dtype, n) => store(n, k.variable, constant(1, dtype))))],
      DTYPE_NAMES.map(() => undefined),
      { expected: Object.fromEntries(DTYPE_NAMES.map((_, n) => [n, new Array<number>(9).fill(1)])) },
    ),
    kernelCase(
      'runtime scalars of every dtype',
      DTYPE_NAMES.map((dtype) => writes(9, dtype)),
      [pointwise([k], ...DTYPE_NAMES.map((dtype, n) => store(n, k.variable, builder.scalar(n, dtype))))],
      DTYPE_NAMES.map(() => undefined),
      {
        scalarTypes: DTYPE_NAMES,
        scalars: DTYPE_NAMES.map((dtype) =>
          dtype === 'uint32' ? 4000000001 : roundTo(dtype)(isFloat(dtype) ? 0.1 : 17),
        ),
      },
    ),
  ];
}

/** One step of Adam on a parameter of `size` elements, in buffers from `first` on: gradient, m, v, parameter. */
function adam(first: number, size: number): Nest {
  const i = loop('i', size);
  const [g, m, v, p] = [0, 1, 2, 3].map((k) => load(first + k, i.variable));
  const mix = (old: Expr, value: Expr, beta: number) =>
    op('add', op('mul', old, constant(Math.fround(beta))), op('mul', value, constant(Math.fround(1 - beta))));
  const newM = mix(m, g, 0.9);
  const newV = mix(v, op('mul', g, g), 0.999);
  const step = op('div', newM, op('add', op('sqrt', newV), constant(Math.fround(1e-8))));
  return pointwise(
    [i],
    store(first + 1, i.variable, newM),
    store(first + 2, i.variable, newV),
    store(first + 3, i.variable, op('sub', p, op('mul', builder.scalar(0, 'float32'), step))),
  );
}

function inPlace(): KernelCase[] {
  const parameters = [33, 4, 1];
  const i = loop('i', 33);
  const x = load(0, i.variable);
  return [
    kernelCase(
      'Adam on three parameters in place',
      parameters.flatMap((size) => [reads(size), updates(size), updates(size), updates(size)]),
      parameters.map((size, n) => adam(4 * n, size)),
      parameters.flatMap((size, n) => [
        uniform(size, n),
        uniform(size, n + 10),
        uniform(size, n + 20).map(Math.abs),
        uniform(size, n + 30),
      ]),
      { scalarTypes: ['float32'], scalars: [0.001], tolerance: { ulps: 4, atol: 1e-7 } },
    ),
    kernelCase(
      'swap in place: every load comes before every store',
      [updates(33), updates(33)],
      [pointwise([i], store(0, i.variable, load(1, i.variable)), store(1, i.variable, x))],
      [uniform(33, 1), uniform(33, 2)],
      { expected: { 0: uniform(33, 2).map(Math.fround), 1: uniform(33, 1).map(Math.fround) } },
    ),
  ];
}

function randomness(): KernelCase[] {
  const size = 37;
  const i = loop('i', size);
  const scalar = (slot: number) => builder.scalar(slot, 'uint32');
  const counter = op('add', scalar(2), cast('uint32', i.variable));
  const carried = op('add', scalar(3), cast('uint32', op('lt', counter, scalar(2))));
  const bits = op('randomBits', scalar(0), scalar(1), counter, carried);
  const unit = op('mul', cast('float32', op('shr', bits, constant(8, 'uint32'))), constant(2 ** -24));
  const key = [0xdeadbeef, 7];
  const start = [0xfffffff0, 3];
  const expected = new Uint32Array(size);
  threefryFill(expected, key[0], key[1], start[0], start[1]);
  const units = Array.from(expected, (x) => (x >>> 8) * 2 ** -24);
  return [
    kernelCase(
      'random bits, uniforms and a dropout mask, with a carry',
      [writes(size, 'uint32'), writes(size), reads(size), writes(size)],
      [
        pointwise(
          [i],
          store(0, i.variable, bits),
          store(1, i.variable, unit),
          store(
            3,
            i.variable,
            op(
              'where',
              op('lt', unit, constant(0.5)),
              op('mul', load(2, i.variable), constant(2)),
              constant(0),
            ),
          ),
        ),
      ],
      [undefined, undefined, uniform(size, 1), undefined],
      {
        scalarTypes: ['uint32', 'uint32', 'uint32', 'uint32'],
        scalars: [...key, ...start],
        expected: {
          0: Array.from(expected),
          1: units,
          3: uniform(size, 1).map((x, k) => (units[k] < 0.5 ? 2 * Math.fround(x) : 0)),
        },
      },
    ),
  ];
}

/** Every pointwise case. */
export function loopCases(): Readonly<Record<string, readonly KernelCase[]>> {
  return {
    'loop sizes': [...sizes(), ...copies()],
    'combining stores': combiningStores(),
    'several outputs': severalOutputs(),
    'updates in place': inPlace(),
    'random bits': randomness(),
  };
}
