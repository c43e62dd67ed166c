/** Matrix products. */
import type { DType } from '../dtype.js';
import type { MatmulContraction } from '../kernel/ir.js';
import { contractionCase, type Epilogue, product, rowMajor } from './contraction-case.js';
import type { KernelCase } from './harness.js';
import { index, load, loop } from './kernel-builder.js';

interface MatmulOptions {
  readonly batch?: readonly number[];
  readonly dtype?: DType;
  readonly kind?: Epilogue;
  /** Strides; row-major without. */
  readonly lhs?: Partial<MatmulContraction['lhs']['strides']> & { readonly offset?: number };
  readonly rhs?: Partial<MatmulContraction['rhs']['strides']> & { readonly offset?: number };
  /** The result is stored with m and n swapped. */
  readonly transposeOut?: boolean;
}

/** Elements that a view with these sizes, strides and offset reaches into. */
const extent = (offset: number, sizes: readonly number[], strides: readonly number[]) =>
  sizes.includes(0) ? offset : 1 + offset + sizes.reduce((sum, size, i) => sum + (size - 1) * strides[i], 0);

function matmul(note: string, m: number, n: number, k: number, options: MatmulOptions = {}): KernelCase {
  const { batch = [], dtype = 'float32', kind = 'none', transposeOut = false } = options;
  const lhs = { m: k, k: 1, batch: rowMajor(batch).map((s) => s * m * k), offset: 0, ...options.lhs };
  const rhs = { k: n, n: 1, batch: rowMajor(batch).map((s) => s * k * n), offset: 0, ...options.rhs };
  const batchLoops = batch.map((size, i) => loop(`b${i}`, size));
  const [ml, nl, kl] = [loop('m', m), loop('n', n), loop('k', k)];
  const along = (strides: readonly number[]) => batchLoops.map((l, i) => [l, strides[i]] as const);
  const [mStride, nStride] = transposeOut ? [1, m] : [n, 1];
  return contractionCase(
    `matmul${note && ` ${note}`} [${[...batch, m, k]}] @ [${[...batch, k, n]}] ${dtype}, epilogue ${kind}`,
    {
      op: 'matmul',
      batch,
      m,
      n,
      k,
      lhs: { buffer: 0, offset: lhs.offset, strides: { batch: lhs.batch, m: lhs.m, k: lhs.k } },
      rhs: { buffer: 1, offset: rhs.offset, strides: { batch: rhs.batch, k: rhs.k, n: rhs.n } },
    },
    {
      lhs: extent(lhs.offset, [...batch, m, k], [...lhs.batch, lhs.m, lhs.k]),
      rhs: extent(rhs.offset, [...batch, k, n], [...rhs.batch, rhs.k, rhs.n]),
      out: product(batch) * m * n,
      columns: n,
    },
    { outer: [...batchLoops, ml, nl], inner: [kl] },
    [
      load(0, index(lhs.offset, ...along(lhs.batch), [ml, lhs.m], [kl, lhs.k]), dtype),
      load(1, index(rhs.offset, ...along(rhs.batch), [kl, rhs.k], [nl, rhs.n]), dtype),
    ],
    index(0, ...along(rowMajor(batch).map((s) => s * m * n)), [ml, mStride], [nl, nStride]),
    nl.variable,
    { dtype, kind },
  );
}

export function matmuls(): KernelCase[] {
  const sizes = [
    [1, 1, 1],
    [3, 5, 7],
    [4, 4, 4],
    [8, 8, 8],
    [17, 33, 19],
    [64, 64, 64],
    [1, 50, 128],
    [50, 1, 30],
    [33, 20, 1],
    [5, 6, 0],
    [0, 6, 5],
    [128, 10, 65],
  ] as const;
  const dtypes = ['float64', 'float16', 'int32'] as const;
  const kinds = ['biasRelu', 'two', 'inPlace'] as const;
  const [m, n, k] = [13, 22, 18];
  return [
    ...sizes.map(([a, b, c]) => matmul('', a, b, c)),
    ...dtypes.flatMap((dtype) => [
      matmul('', m, n, k, { dtype }),
      matmul('', 4, 8, 16, { dtype, kind: 'biasRelu' }),
    ]),
    ...kinds.map((kind) => matmul('', m, n, k, { kind })),
    ...kinds.map((kind) => matmul('', 32, 32, 32, { kind })),
    matmul('left transposed', m, n, k, { lhs: { m: 1, k: m } }),
    matmul('right transposed', m, n, k, { rhs: { k: 1, n: k }, kind: 'biasRelu' }),
    matmul('both transposed', m, n, k, { lhs: { m: 1, k: m }, rhs: { k: 1, n: k }, kind: 'inPlace' }),
    matmul('stored transposed', m, n, k, { transposeOut: true, kind: 'biasRelu' }),
    matmul('slices of larger matrices', m, n, k, {
      lhs: { m: 2 * k + 3, k: 2, offset: 5 },
      rhs: { k: 3 * n, n: 3, offset: 1 },
    }),
    matmul('slices that begin between vectors', 16, 12, 20, { lhs: { offset: 2 }, rhs: { offset: 3 } }),
    matmul('rows that begin between vectors', 16, 12, 20, { lhs: { m: 22 }, rhs: { k: 14 } }),
    matmul('slices that begin with vectors', 16, 12, 20, {
      lhs: { m: 24, offset: 4 },
      rhs: { k: 16, offset: 8 },
    }),
    matmul('', 70, 90, 100, { kind: 'biasRelu' }),
    matmul('right transposed', 45, 80, 68, { rhs: { k: 1, n: 68 } }),
    matmul('left transposed', 80, 45, 68, { lhs: { m: 1, k: 80 } }),
    // One operand is much wider than the other.
    ...[1, 3, 7].flatMap((few) => [
      matmul('', few, 70, 52, { kind: 'biasRelu' }),
      matmul('right transposed', few, 72, 52, { rhs: { k: 1, n: 52 }, batch: [2] }),
      matmul('', 72, few, 53),
      matmul('left transposed', 72, few, 52, { lhs: { m: 1, k: 72 }, kind: 'inPlace' }),
    ]),
    matmul('', 2, 3, 600),
    matmul('both strided', 3, 40, 33, { lhs: { m: 70, k: 2 }, rhs: { k: 120, n: 3 } }),
    matmul('one row for all', 3, 40, 33, { rhs: { n: 0 } }),
    matmul('one row for all', m, n, k, { lhs: { m: 0 } }),
    matmul('one column for all', m, n, k, { rhs: { n: 0 } }),
    matmul('batched', 9, 10, 11, { batch: [3], kind: 'biasRelu' }),
    matmul('batched twice', 4, 6, 5, { batch: [2, 3] }),
    matmul('batched, left shared', 9, 10, 11, { batch: [2, 3], lhs: { batch: [0, 0] } }),
    matmul('batched, right shared', 9, 10, 11, { batch: [3], rhs: { batch: [0] } }),
    matmul('heads of attention', 7, 7, 6, {
      batch: [2, 3],
      lhs: { batch: [7 * 18, 6], m: 18 },
      rhs: { batch: [7 * 18, 6], k: 1, n: 18 },
    }),
  ];
}
