/** Products of every class of shapes, in every layout, against sums in float64. */
import { onAnyGpu } from '@neurite/browser';
import { parkMiller } from '@neurite/browser/kit';
import { type Device, explain, type Tensor, tensor, use } from '@neurite/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { webgpu } from '../src/index.js';

interface Layout {
  /** Stored with rows and columns swapped. */
  readonly transposed?: boolean;
  /** Numbers in front of the matrix, in its buffer. */
  readonly offset?: number;
  /** Whether all batches share one matrix. */
  readonly shared?: boolean;
}

interface ProductCase {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch?: number;
  readonly lhs?: Layout;
  readonly rhs?: Layout;
  readonly epilogue?: boolean;
}

const draw = parkMiller(7);
const uniform = (size: number): Float32Array => Float32Array.from({ length: size }, () => draw() * 2 - 1);

interface Matrix {
  readonly view: Tensor;
  at(batch: number, row: number, column: number): number;
}

function matrix(
  batch: number,
  rows: number,
  columns: number,
  { transposed = false, offset = 0, shared = false }: Layout = {},
): Matrix {
  const copies = shared ? 1 : batch;
  const area = rows * columns;
  const content = uniform(Math.ceil((offset + copies * area) / 4) * 4);
  const stored = transposed ? [copies, columns, rows] : [copies, rows, columns];
  const plane = (tensor(content) as Tensor).slice(0, offset, offset + copies * area).reshape(stored);
  const view = transposed ? plane.transpose(1, 2) : plane;
  return {
    view: batch === 1 ? view.reshape([rows, columns]) : view,
    at(b, row, column) {
      const place = transposed ? column * rows + row : row * columns + column;
      return content[offset + (shared ? 0 : b * area) + place];
    },
  };
}

let device: Device;
beforeAll(async () => {
  device = await use(onAnyGpu(webgpu()), { log: false });
});
afterAll(() => device.destroy());

/** The program that computes a product: its function's name, whether workgroups share sums, which operands it reads in vectors. */
async function programOf(result: Tensor): Promise<string> {
  const { kernels } = await explain(result);
  const { source } = kernels.at(-1)!;
  const vectors = [...source.matchAll(/> in(\d): array<vec4<f32>>/g)].map(([, i]) => i);
  const [, name] = /let local = i32\(invocation\);\n\s+(?:if .*\{ )?(\w+)\(/.exec(source)!;
  const parts = source.includes('fn add_parts(') ? ['in parts'] : [];
  return [name, ...parts, ...(vectors.length ? ['vectors of', ...vectors] : [])].join(' ');
}

async function check(
  { m, n, k, batch = 1, lhs, rhs, epilogue }: ProductCase,
  program: string,
): Promise<void> {
  const a = matrix(batch, m, k, lhs);
  const b = matrix(batch, k, n, rhs);
  const bias = uniform(n);
  const product = a.view.matmul(b.view);
  const result = epilogue ? product.add(tensor(bias)).relu() : product;
  expect(await programOf(result)).toBe(program);
  const actual = await result.data();
  expect(actual.length).toBe(batch * m * n);
  // Twice the error of a sum of k products of numbers up to 1 that grows as a random walk's.
  const bound = 2 ** -22 * Math.sqrt(k + 16);
  // A seventh of many numbers has one at each place of a tile.
  const step = actual.length * k > 10_000_000 ? 7 : 1;
  for (let at = 0; at < actual.length; at += step) {
    const [t, i, j] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n];
    let sum = epilogue ? bias[j] : 0;
    for (let x = 0; x < k; x++) sum += a.at(t, i, x) * b.at(t, x, j);
    const expected = epilogue ? Math.max(sum, 0) : sum;
    if (!(Math.abs(actual[at] - expected) <= bound * (1 + Math.abs(expected))))
      expect(`[${t}, ${i}, ${j}] = ${actual[at]}`).toBe(`[${t}, ${i}, ${j}] = ${expected}`);
  }
}

const LAYOUTS: readonly (readonly [name: string, lhs: Layout, rhs: Layout])[] = [
  ['as they are', {}, {}],
  ['left transposed', { transposed: true }, {}],
  ['right transposed', {}, { transposed: true }],
  ['both transposed', { transposed: true }, { transposed: true }],
];

/** Sizes of each class, even ones and odd ones; products of one are computed in every layout. */
const CLASSES: Readonly<Record<string, readonly Omit<ProductCase, 'lhs' | 'rhs'>[]>> = {
  large_tiles: [
    { m: 256, n: 256, k: 20, batch: 16 },
    { m: 251, n: 255, k: 13, batch: 16, epilogue: true },
  ],
  medium_tiles: [
    { m: 256, n: 256, k: 144, batch: 4 },
    { m: 501, n: 499, k: 70, epilogue: true },
  ],
  small_tiles: [
    { m: 64, n: 32, k: 80 },
    { m: 45, n: 63, k: 131, batch: 3, epilogue: true },
  ],
  deep_tiles: [
    { m: 64, n: 64, k: 256 },
    { m: 33, n: 47, k: 531, batch: 2, epilogue: true },
  ],
  wide_tiles: [
    { m: 16, n: 4096, k: 20, batch: 2 },
    { m: 13, n: 8195, k: 70, epilogue: true },
  ],
  tall_tiles: [
    { m: 4096, n: 16, k: 20, batch: 2 },
    { m: 8195, n: 13, k: 70, epilogue: true },
  ],
  flat_tiles: [
    { m: 8, n: 8192, k: 20 },
    { m: 8, n: 8199, k: 35, epilogue: true },
  ],
  slim_tiles: [
    { m: 8192, n: 8, k: 20 },
    { m: 8199, n: 8, k: 35, epilogue: true },
  ],
  'medium_tiles in parts': [{ m: 256, n: 256, k: 2048 }],
  'deep_tiles in parts': [
    { m: 64, n: 64, k: 2048 },
    { m: 33, n: 47, k: 2131, batch: 2, epilogue: true },
  ],
  'skinny_product in parts': [
    { m: 1, n: 6, k: 4000 },
    { m: 2, n: 2, k: 5001, epilogue: true },
  ],
  skinny_product: [
    { m: 1, n: 1024, k: 256 },
    { m: 3, n: 77, k: 333, batch: 2, epilogue: true },
    { m: 512, n: 1, k: 64 },
    { m: 1001, n: 7, k: 97, epilogue: true },
    { m: 2, n: 2, k: 500 },
  ],
};

describe.each(Object.entries(CLASSES))('%s', (name, sizes) => {
  for (const size of sizes) {
    test.each(LAYOUTS)(`${JSON.stringify(size)}, %s`, async (_, lhs, rhs) => {
      const fits = ({ transposed }: Layout, rows: number, side: number) => {
        // Along what neighbours are, and whether each row of them and the whole are in fours.
        const run = transposed && rows > 1 ? rows : size.k;
        return run % 4 === 0 ? [side] : [];
      };
      const right = { transposed: !rhs.transposed };
      const vectors = [...fits(lhs, size.m, 0), ...fits(right, size.n, 1)];
      await check(
        { ...size, lhs, rhs },
        [name, ...(vectors.length ? ['vectors of', ...vectors] : [])].join(' '),
      );
    });
  }
});

test('an offset that breaks vectors', async () => {
  const sizes = { m: 64, n: 32, k: 80 };
  await check({ ...sizes, lhs: { offset: 2 } }, 'small_tiles vectors of 1');
  await check({ ...sizes, lhs: { offset: 4 }, rhs: { offset: 3 } }, 'small_tiles vectors of 0');
  await check({ m: 5, n: 64, k: 80, rhs: { offset: 1 } }, 'skinny_product vectors of 0');
});

test('one matrix for all batches', async () => {
  const sizes = { m: 64, n: 32, k: 80, batch: 3 };
  await check({ ...sizes, lhs: { shared: true } }, 'small_tiles vectors of 0 1');
  await check({ ...sizes, rhs: { shared: true, transposed: true } }, 'small_tiles vectors of 0 1');
});

test('a matrix times itself, also as a vector of its own buffer', async () => {
  const x = matrix(1, 40, 48);
  const result = x.view.matmul(x.view.T);
  expect(await programOf(result)).toBe('small_tiles vectors of 0');
  const data = await result.data();
  for (const [i, j] of [
    [0, 0],
    [39, 5],
    [17, 39],
  ]) {
    let sum = 0;
    for (let k = 0; k < 48; k++) sum += x.at(0, i, k) * x.at(0, j, k);
    expect(data[i * 40 + j]).toBeCloseTo(sum, 4);
  }
});

test('products with few terms, or few of everything, stay loops', async () => {
  await check({ m: 5, n: 300, k: 6 }, 'nest0');
  await check({ m: 3, n: 3, k: 3, batch: 50 }, 'nest0');
});
