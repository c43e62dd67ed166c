import type { Expr, Kernel } from '@neurite/tensor';
import { expect, test } from 'vitest';
import wabtFactory from 'wabt';
import { compileKernel, kernelText } from '../src/codegen/compile.js';
import { argumentLayout } from '../src/program.js';
import { loadEverything } from './loadEverything.js';
import {
  b,
  columnSum,
  f32,
  floats,
  int,
  kernel,
  load,
  loop,
  nest,
  op,
  phase,
  pointwise,
  set,
  softmax,
} from './typical-kernels.js';

await loadEverything();
const memory = new WebAssembly.Memory({ initial: 128, maximum: 65536 });

/** Runs a kernel of one input (buffer 0) and one output (buffer 1), its units cut at `cuts`. */
function run(k: Kernel, input: ArrayLike<number>, cuts: readonly number[] = []): Float32Array {
  const layout = argumentLayout(k);
  const [args, from, to] = [64, 4096, 4096 + 4 * input.length + 64];
  const view = new DataView(memory.buffer);
  view.setUint32(args + layout.buffer(0), from, true);
  view.setUint32(args + layout.buffer(1), to, true);
  new Float32Array(memory.buffer, from, input.length).set(input);
  const { parts, scratchBytes, sharedBytes } = compileKernel(k, memory);
  const scratch = to + 4 * k.buffers[1].size + 64;
  new Uint8Array(memory.buffer, scratch, scratchBytes + sharedBytes).fill(255);
  view.setUint32(args + layout.shared, scratch + scratchBytes, true);
  for (const { units, run: runUnits } of parts) {
    const edges = [0, ...cuts.filter((cut) => cut < units), units];
    // Backwards, as no order is promised.
    for (let i = edges.length - 1; i > 0; i--) runUnits(edges[i - 1], edges[i], args, scratch);
  }
  return new Float32Array(memory.buffer, to, k.buffers[1].size).slice();
}

const chain = (x: Expr): Expr => {
  const y = op('add', op('mul', x, f32(1.5)), f32(0.5));
  return op('mul', op('mul', y, op('tanh', op('mul', y, op('mul', y, y)))), op('sigmoid', x));
};
const wave = (i: number): number => Math.sin(i * 12.9898) * 4;

test.each([
  ['relu', pointwise('relu', 64, (x) => op('max', x, f32(0)))],
  ['column sum', columnSum(32, 40)],
  ['softmax', softmax(8, 20)],
])('generated code of %s', async (_, k) => {
  const text = await kernelText(k);
  expect(text).toMatchSnapshot();
  const wabt = await wabtFactory();
  const binary = wabt.parseWat('kernel.wat', text, { simd: true }).toBinary({}).buffer;
  expect(WebAssembly.validate(new Uint8Array(binary))).toBe(true);
});

test('an element has the same bits wherever it stands, in a vector or in the tail', () => {
  const input = Float32Array.from({ length: 61 }, (_, i) => wave(i));
  const whole = run(pointwise('chain', 61, chain), input);
  for (let size = 1; size < 20; size++) {
    for (const start of [0, 7]) {
      const part = run(pointwise('chain', size, chain), input.subarray(start, start + size));
      expect(part).toEqual(whole.subarray(start, start + size));
    }
  }
});

test.each([
  ['pointwise', pointwise('chain', 50_000, chain), 50_000],
  ['softmax', softmax(123, 77), 123 * 77],
  ['column sum', columnSum(300, 97), 300 * 97],
])('%s: cutting the units changes no bit', (_, k, size) => {
  const input = Float32Array.from({ length: size }, (_, i) => wave(i));
  expect(run(k, input, [1, 2, 5, 11, 100])).toEqual(run(k, input));
});

const sum = (size: number): Kernel => {
  const i = loop('i', size);
  const value = load(0, i.variable);
  return kernel(
    'sum',
    [floats(size), floats(1, 'write')],
    nest(
      [],
      phase([i], { reductions: [{ acc: 0, op: 'sum', dtype: 'float32', value }] }),
      phase([], { stores: [set(1, int(0), b.acc(0, 'float32'))] }),
    ),
  );
};
/** out[i] = in[i] minus the mean over everything: a reduction and what needs its result at every point. */
function centred(size: number): Kernel {
  const [i, j] = [loop('i', size), loop('j', size)];
  const mean = op('div', b.acc(0, 'float32'), f32(size));
  return kernel(
    'centred',
    [floats(size), floats(size, 'write')],
    nest(
      [],
      phase([i], { reductions: [{ acc: 0, op: 'sum', dtype: 'float32', value: load(0, i.variable) }] }),
      phase([j], { stores: [set(1, j.variable, op('sub', load(0, j.variable), mean))] }),
    ),
  );
}

test.each([
  ['the sum of everything', sum(1_000_003), 1_000_003],
  ['a mean that is subtracted', centred(800_001), 800_001],
  ['columns of many rows', columnSum(5003, 97), 5003 * 97],
  ['few columns of many rows', columnSum(200_000, 3), 600_000],
  ['few long rows', softmax(3, 100_001), 300_003],
])('%s: a long reduction is shared by many units, and cutting them changes no bit', (_, k, size) => {
  const input = Float32Array.from({ length: size }, (_, i) => wave(i) + 1);
  const { parts } = compileKernel(k, memory);
  const long = parts.filter(({ work }) => work > 2 ** 17);
  expect(long.length).toBeGreaterThan(0);
  for (const { units } of long) expect(units).toBeGreaterThanOrEqual(16);
  const result = run(k, input);
  expect(run(k, input, [1, 2, 5, 11, 33, 100])).toEqual(result);
  if (k.name === 'column_sum') {
    const columns = result.length;
    const exact = new Float64Array(columns);
    input.forEach((x, i) => {
      exact[i % columns] += x;
    });
    result.forEach((x, i) => {
      expect(Math.abs(x - exact[i]) / exact[i]).toBeLessThan(1e-6);
    });
  } else if (k.name === 'sum') {
    const exact = input.reduce((total, x) => total + x, 0);
    expect(Math.abs(result[0] - exact) / exact).toBeLessThan(1e-6);
  } else if (k.name === 'centred') {
    const mean = input.reduce((total, x) => total + x, 0) / size;
    result.forEach((x, i) => {
      if (Math.abs(x - (input[i] - mean)) > 1e-5) throw new Error(`${x} at ${i}`);
    });
  } else {
    for (let row = 0; row < 3; row++) {
      const total = result.subarray(row * 100_001, (row + 1) * 100_001).reduce((all, x) => all + x, 0);
      expect(total).toBeCloseTo(1, 5);
    }
  }
});

test('nests share a part, in slices of equal work, and so do their second stages', () => {
  const sizes = [50_000, 7, 300_000, 1];
  const size = sizes.reduce((total, n) => total + n, 0);
  let start = 0;
  const nests = sizes.map((n, k) => {
    const i = loop('i', n);
    const at = op('add', i.variable, int(start));
    start += n;
    return nest([i], phase([], { stores: [set(1, at, op('mul', load(0, at), f32(k + 2)))] }));
  });
  const total = (to: number, factor: number) => {
    const i = loop('i', size);
    const value = op('mul', load(0, i.variable), f32(factor));
    return nest(
      [],
      phase([i], { reductions: [{ acc: factor, op: 'sum', dtype: 'float32', value }] }),
      phase([], { stores: [set(1, int(to), b.acc(factor, 'float32'))] }),
    );
  };
  const buffers = [floats(size), floats(size + 2, 'write')];
  const k = kernel('several', buffers, ...nests, total(size, 1), total(size + 1, 3));
  const { parts } = compileKernel(k, memory);
  expect(parts).toHaveLength(2);
  expect(parts[0].units).toBeGreaterThan(64);
  expect(parts[0].units).toBeLessThan(512);
  const input = Float32Array.from({ length: size }, (_, i) => wave(i) + 1);
  const result = run(k, input);
  let expected: number[] = [];
  let from = 0;
  for (const [j, n] of sizes.entries()) {
    expected = expected.concat(Array.from(input.subarray(from, from + n), (x) => Math.fround(x * (j + 2))));
    from += n;
  }
  expect(Array.from(result.subarray(0, size))).toEqual(expected);
  const exact = input.reduce((all, x) => all + x, 0);
  expect(result[size] / exact).toBeCloseTo(1, 6);
  expect(result[size + 1] / exact).toBeCloseTo(3, 5);
  expect(run(k, input, [1, 2, 5, 11, 33, 100, 200])).toEqual(result);
});

test('softmax keeps the exponentials of a row, which it needs twice; what is cheap is computed again', () => {
  const rows = 5;
  const columns = 77;
  const input = Float32Array.from({ length: rows * columns }, (_, i) => wave(i));
  const k = softmax(rows, columns);
  // A row, rounded up to whole cache lines.
  expect(compileKernel(k, memory).scratchBytes).toBe(80 * 4);
  const result = run(k, input);
  for (let row = 0; row < rows; row++) {
    const own = input.subarray(row * columns, (row + 1) * columns);
    const total = own.reduce((sum, x) => sum + Math.exp(x), 0);
    own.forEach((x, i) => {
      expect(result[row * columns + i]).toBeCloseTo(Math.exp(x) / total, 6);
    });
  }
  expect(compileKernel(columnSum(32, 40), memory).scratchBytes).toBe(0);
});

test.each([
  [16, 16],
  [32, 48],
  [17, 33],
  [5, 64],
  [64, 130],
])('a transposition to %i × %i, in tiles where it is large', (rows, columns) => {
  const [i, j] = [loop('i', rows), loop('j', columns)];
  const at = (outer: Expr, size: number, inner: Expr) => op('add', op('mul', outer, int(size)), inner);
  const value = load(0, at(j.variable, rows, i.variable));
  const body = phase([], { stores: [set(1, at(i.variable, columns, j.variable), value)] });
  const size = rows * columns;
  const k = kernel('transpose', [floats(size), floats(size, 'write')], nest([i, j], body));
  const input = Float32Array.from({ length: size }, (_, n) => n);
  const expected = Float32Array.from(
    { length: size },
    (_, n) => (n % columns) * rows + Math.floor(n / columns),
  );
  expect(run(k, input, [1, 3, 17])).toEqual(expected);
});

test.each([
  [32, 'a row stays in its range below the maximum'],
  [31, 'a maximum over less than the row bounds nothing'],
])('exponentials of differences from the maximum of %i of 32 numbers: %s', (over, _) => {
  const row = loop('row', 3);
  const [first, second] = [loop('i', over), loop('j', 32)];
  const at = (column: Expr) => load(0, op('add', op('mul', row.variable, int(32)), column));
  const place = op('add', op('mul', row.variable, int(32)), second.variable);
  const k = kernel(
    'shifted',
    [floats(96), floats(96, 'write')],
    nest(
      [row],
      phase([first], { reductions: [{ acc: 0, op: 'max', dtype: 'float32', value: at(first.variable) }] }),
      phase([second], {
        stores: [set(1, place, op('exp', op('sub', at(second.variable), b.acc(0, 'float32'))))],
      }),
    ),
  );
  const input = Float32Array.from({ length: 96 }, (_, i) => 40 * wave(i));
  input.set([30, -55.5, -56, Number.NEGATIVE_INFINITY, -60, -70, -74, -120], 0);
  input[31] = 20;
  input[63] = 250;
  input[70] = Number.NaN;
  const expected = input.map((x, i) => {
    const start = i - (i % 32);
    return Math.exp(x - input.subarray(start, start + over).reduce((a, c) => Math.max(a, c)));
  });
  run(k, input).forEach((value, i) => {
    const error = Math.abs(value - expected[i]) / Math.max(2 ** -23 * expected[i], 2 ** -149);
    if (Number.isFinite(expected[i])) expect(error, `element ${i}`).toBeLessThanOrEqual(2.5);
    else expect(value, `element ${i}`).toBe(expected[i]);
  });
});

test.each([
  ['float32', 4],
  ['float64', 2],
] as const)(
  'a maximum in a nest with %s: a NaN anywhere comes through, and none from lanes that are not used',
  (wide, lanes) => {
    const size = lanes * 9 + 1;
    const i = loop('i', size);
    // What lies beside the numbers is 0, and gives NaN.
    const value = op('div', load(0, i.variable), load(0, i.variable));
    const largest = b.op('cast', [b.acc(0, 'float32')], wide);
    const result = b.op('cast', [op('add', largest, b.constant(1, wide))], 'float32');
    const k = kernel(
      'largest',
      [floats(size), floats(1, 'write')],
      nest(
        [],
        phase([i], { reductions: [{ acc: 0, op: 'max', dtype: 'float32', value }] }),
        phase([], { stores: [set(1, int(0), result)] }),
      ),
    );
    const numbers = Float32Array.from({ length: size }, (_, at) => at + 1);
    expect([...run(k, numbers)]).toEqual([2]);
    for (let at = 0; at < size; at++)
      expect([...run(k, numbers.with(at, Number.NaN))], `${at}`).toEqual([Number.NaN]);
  },
);

test.each([1, 2, 3, 4, 5, 8, 14, 28, 61])(
  'each element of a line goes to two neighbours, and their places in a pair are known: %i points',
  (size) => {
    const [y, x] = [loop('y', 3), loop('x', size)];
    const half = Math.ceil(size / 2);
    const source = op('add', op('mul', y.variable, int(half)), op('div', x.variable, int(2)));
    const isSecond = op('eq', op('rem', x.variable, int(2)), int(1));
    const value = op('where', isSecond, op('neg', load(0, source)), load(0, source));
    const at = op('add', op('mul', y.variable, int(size)), x.variable);
    const buffers = [floats(3 * half), floats(3 * size, 'write')];
    const k = kernel('unpool', buffers, nest([y, x], phase([], { stores: [set(1, at, value)] })));
    const expected = Array.from({ length: 3 * size }, (_, i) => {
      const column = i % size;
      return (column % 2 ? -1 : 1) * (1 + Math.floor(i / size) * half + Math.floor(column / 2));
    });
    expect([
      ...run(
        k,
        Float32Array.from({ length: 3 * half }, (_, i) => i + 1),
      ),
    ]).toEqual(expected);
  },
);

test('long sums lose little: the second level of sums keeps the error of 2^18 terms small', () => {
  const size = 2 ** 18;
  const input = Float32Array.from({ length: size }, (_, n) => 0.1 + Math.abs(wave(n)));
  const exact = input.reduce((total, x) => total + x, 0);
  expect(Math.abs(run(sum(size), input)[0] - exact) / exact).toBeLessThan(1e-6);
});

test('expressions of thousands of nodes compile: long chains, and graphs whose every node is used twice', () => {
  const long = pointwise('long', 9, (x) => {
    let e = x;
    for (let i = 0; i < 3000; i++) e = op(i % 2 ? 'sub' : 'add', e, op('mul', x, f32(i)));
    return e;
  });
  const shared = pointwise('shared', 9, (x) => {
    let [p, q] = [x, op('neg', x)];
    for (let i = 0; i < 1000; i++) [p, q] = [op('add', op('mul', p, f32(0.5)), q), op('max', p, q)];
    return op('sub', p, q);
  });
  const input = Float32Array.from({ length: 9 }, (_, i) => i - 4);
  const expectLong = input.map((x) => {
    let e = x;
    for (let i = 0; i < 3000; i++) e = Math.fround(i % 2 ? e - Math.fround(x * i) : e + Math.fround(x * i));
    return e;
  });
  expect(run(long, input)).toEqual(expectLong);
  const expectShared = input.map((x) => {
    let [p, q] = [x, -x];
    for (let i = 0; i < 1000; i++) [p, q] = [Math.fround(Math.fround(p * 0.5) + q), Math.max(p, q)];
    return Math.fround(p - q);
  });
  expect(run(shared, input)).toEqual(expectShared);
});
