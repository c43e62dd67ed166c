/** Matrix products and convolutions, with the loops that they stand for and with epilogues. */
import type { DType } from '../dtype.js';
import type { ConvContraction, Expr, Loop, MatmulContraction, Phase } from '../kernel/ir.js';
import { kernelCase, uniform, values } from './case.js';
import type { KernelCase, Tolerance } from './harness.js';
import {
  acc,
  builder,
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

const TOLERANCE: Readonly<Record<string, Tolerance>> = {
  float32: { rtol: 1e-5, atol: 1e-4 },
  float64: { rtol: 1e-12, atol: 1e-12 },
  // A tuned product need not round each term to float16 before it is added, as the plain loops do: up to 18 terms of 2 to 4.
  float16: { rtol: 2e-3, atol: 2e-2 },
};

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

type Epilogue = 'none' | 'biasRelu' | 'two' | 'inPlace';

/** Epilogues over the outer loops: buffer 2 is the bias (or updated in place), buffers 3 and 4 are results. */
function epilogue(kind: Epilogue, at: Expr, column: Expr, dtype: DType): Phase {
  const sum = acc(0, dtype);
  const biased = op('add', sum, load(2, column, dtype));
  const positive = op('lt', constant(0, dtype), biased);
  switch (kind) {
    case 'none':
      return phase([], { stores: [store(3, at, sum)] });
    case 'biasRelu':
      return phase([], { stores: [store(3, at, op('where', positive, biased, constant(0, dtype)))] });
    case 'two':
      return phase([], { stores: [store(3, at, biased), store(4, at, positive)] });
    case 'inPlace': {
      const step = op('mul', builder.scalar(0, dtype), sum);
      return phase([], { stores: [store(2, at, op('sub', load(2, at, dtype), step))] });
    }
  }
}

function contractionCase(
  name: string,
  contraction: MatmulContraction | ConvContraction,
  sizes: { lhs: number; rhs: number; out: number; columns: number },
  loops: { outer: readonly Loop[]; inner: readonly Loop[] },
  operands: readonly [Expr, Expr],
  at: Expr,
  column: Expr,
  { dtype = 'float32', kind = 'none' }: { dtype?: DType; kind?: Epilogue },
): KernelCase {
  const inPlace = kind === 'inPlace';
  const extra = inPlace ? sizes.out : sizes.columns;
  return kernelCase(
    name,
    [
      reads(sizes.lhs, dtype),
      reads(sizes.rhs, dtype),
      inPlace ? updates(extra, dtype) : reads(extra, dtype),
      writes(inPlace ? 0 : sizes.out, dtype),
      writes(kind === 'two' ? sizes.out : 0, 'bool'),
    ],
    [
      nest(
        loops.outer,
        [
          phase(loops.inner, { reductions: [reduction(0, 'sum', op('mul', ...operands))] }),
          epilogue(kind, at, column, dtype),
        ],
        contraction,
      ),
    ],
    // Integers keep a comparison with 0 in the epilogue on the same side on every backend.
    [
      values(dtype, sizes.lhs, 1).map((x) => (kind === 'two' ? Math.round(x) : x)),
      values(dtype, sizes.rhs, 2).map((x) => (kind === 'two' ? Math.round(x) : x)),
      kind === 'two' ? uniform(extra, 3).map(Math.round) : values(dtype, extra, 3),
      undefined,
      undefined,
    ],
    {
      scalarTypes: [dtype],
      scalars: [dtype === 'int32' ? 3 : 0.5],
      tolerance: TOLERANCE[dtype] ?? {},
    },
  );
}

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

const rowMajor = (sizes: readonly number[]) => sizes.map((_, i) => product(sizes.slice(i + 1)));

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

function matmuls(): KernelCase[] {
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

interface ConvOptions {
  readonly batch?: number;
  readonly groups?: number;
  readonly inChannels?: number;
  readonly outChannels?: number;
  readonly inputSize: readonly number[];
  readonly kernelSize: readonly number[];
  readonly stride?: readonly number[];
  readonly padding?: readonly number[];
  readonly dilation?: readonly number[];
  readonly inputDilation?: readonly number[];
  readonly dtype?: DType;
  readonly kind?: Epilogue;
  /** Channels behind the spatial dimensions, in the input and in the result. */
  readonly channelsLast?: boolean;
}

function conv(note: string, options: ConvOptions): KernelCase {
  const { batch = 2, groups = 1, inChannels = 3, outChannels = 4, inputSize, kernelSize } = options;
  const { dtype = 'float32', kind = 'none', channelsLast = false } = options;
  const filled = (values: readonly number[] | undefined, value: number) =>
    values ?? inputSize.map(() => value);
  const stride = filled(options.stride, 1);
  const padding = filled(options.padding, 0);
  const dilation = filled(options.dilation, 1);
  const inputDilation = filled(options.inputDilation, 1);
  const outputSize = inputSize.map((size, i) => {
    const span = (size - 1) * inputDilation[i] + 1 + 2 * padding[i] - (kernelSize[i] - 1) * dilation[i] - 1;
    return Math.floor(span / stride[i]) + 1;
  });

  /** Strides of [batch, groups, channels, spatial…]. */
  const layout = (channels: number, spatial: readonly number[]) => {
    const all = groups * channels;
    const area = product(spatial);
    return channelsLast
      ? { batch: all * area, group: channels, channel: 1, spatial: rowMajor(spatial).map((s) => s * all) }
      : { batch: all * area, group: channels * area, channel: area, spatial: rowMajor(spatial) };
  };
  const input = layout(inChannels, inputSize);
  const output = layout(outChannels, outputSize);
  const taps = product(kernelSize);
  const weight = {
    group: outChannels * inChannels * taps,
    out: inChannels * taps,
    channel: taps,
    kernel: rowMajor(kernelSize),
  };

  const [n, g, o, c] = [loop('n', batch), loop('g', groups), loop('o', outChannels), loop('c', inChannels)];
  const y = outputSize.map((size, i) => loop(`y${i}`, size));
  const t = kernelSize.map((size, i) => loop(`t${i}`, size));
  const positions = y.map((l, i) => index(-padding[i], [l, stride[i]], [t[i], dilation[i]]));
  const zero = constant(0, 'int32');
  // Not negative, as division and remainder want it; where it was, the guard is false.
  const places = positions.map((p, i) => {
    const rest = op('max', p, zero);
    return inputDilation[i] === 1 ? p : op('div', rest, constant(inputDilation[i], 'int32'));
  });
  const guard = positions
    .flatMap((p, i) => {
      const factor = constant(inputDilation[i], 'int32');
      const whole = op('eq', op('rem', op('max', p, zero), factor), zero);
      const inside = op('lt', places[i], constant(inputSize[i], 'int32'));
      return [op('le', zero, p), ...(inputDilation[i] === 1 ? [] : [whole]), inside];
    })
    .reduce((a, b) => op('and', a, b));

  const { channel, spatial, ...rest } = input;
  return contractionCase(
    `conv ${note}, ${dtype}, epilogue ${kind}`,
    {
      op: 'conv',
      batch,
      groups,
      outChannels,
      inChannels,
      outputSize,
      inputSize,
      kernelSize,
      stride,
      padding,
      dilation,
      inputDilation,
      input: { buffer: 0, offset: 0, strides: { ...rest, channel, spatial } },
      weight: { buffer: 1, offset: 0, strides: weight },
    },
    {
      lhs: batch * input.batch,
      rhs: groups * weight.group,
      out: batch * output.batch,
      columns: groups * outChannels,
    },
    { outer: [n, g, o, ...y], inner: [c, ...t] },
    [
      load(
        0,
        index(
          0,
          [n, input.batch],
          [g, input.group],
          [c, channel],
          ...places.map((p, i) => [p, spatial[i]] as const),
        ),
        dtype,
        guard,
      ),
      load(
        1,
        index(
          0,
          [g, weight.group],
          [o, weight.out],
          [c, weight.channel],
          ...t.map((l, i) => [l, weight.kernel[i]] as const),
        ),
        dtype,
      ),
    ],
    index(
      0,
      [n, output.batch],
      [g, output.group],
      [o, output.channel],
      ...y.map((l, i) => [l, output.spatial[i]] as const),
    ),
    index(0, [g, outChannels], [o, 1]),
    { dtype, kind },
  );
}

function convs(): KernelCase[] {
  const image = { inputSize: [9, 11], kernelSize: [3, 3] };
  return [
    conv('2d', image),
    conv('2d with a bias and an activation', { ...image, kind: 'biasRelu' }),
    conv('2d with two results', { ...image, padding: [1, 1], kind: 'two' }),
    conv('2d padded', { ...image, padding: [1, 2], kind: 'biasRelu' }),
    conv('2d strided and padded', { ...image, stride: [2, 3], padding: [1, 1] }),
    conv('2d dilated', { ...image, dilation: [2, 3], padding: [2, 0] }),
    conv('2d in two groups', { ...image, groups: 2, padding: [1, 1], kind: 'biasRelu' }),
    conv('2d depthwise', { ...image, groups: 6, inChannels: 1, outChannels: 1, padding: [1, 1] }),
    conv('2d 1×1', { inputSize: [7, 5], kernelSize: [1, 1], inChannels: 8, outChannels: 12 }),
    conv('2d 5×5, one channel', {
      inputSize: [28, 28],
      kernelSize: [5, 5],
      inChannels: 1,
      outChannels: 6,
      padding: [2, 2],
    }),
    conv('2d transposed', { ...image, inputDilation: [2, 2], padding: [1, 1], kind: 'biasRelu' }),
    conv('2d transposed, dilations 3 and 1', {
      ...image,
      inputDilation: [3, 1],
      dilation: [1, 2],
      padding: [2, 1],
    }),
    conv('2d cropped', { ...image, padding: [-1, -2] }),
    conv('2d, channels last', { ...image, padding: [1, 1], channelsLast: true, kind: 'biasRelu' }),
    conv('2d, kernel larger than the input', { inputSize: [3, 2], kernelSize: [5, 4], padding: [2, 2] }),
    conv('1d', { inputSize: [37], kernelSize: [4], stride: [2], padding: [1], kind: 'biasRelu' }),
    conv('3d', {
      inputSize: [4, 5, 6],
      kernelSize: [2, 3, 2],
      padding: [0, 1, 1],
      inChannels: 2,
      outChannels: 3,
    }),
    conv('2d', { ...image, dtype: 'float64', padding: [1, 1], kind: 'biasRelu' }),
    conv('2d', { ...image, dtype: 'float16', stride: [2, 2] }),
  ];
}

/** Every contraction. */
export function contractionCases(): Readonly<Record<string, readonly KernelCase[]>> {
  return { 'matrix products': matmuls(), convolutions: convs() };
}
