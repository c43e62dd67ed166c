/** Kernels that are one contraction, with the loops that it stands for and a choice of epilogues. */
import {
  type ConvContraction,
  createExprBuilder,
  type DType,
  type Expr,
  type Kernel,
  type Loop,
  type MatmulContraction,
  type Store,
} from '@neurite/tensor';

const b = createExprBuilder();
const int = (value: number) => b.constant(value, 'int32');
const loop = (name: string, size: number): Loop => ({ variable: b.variable(name, size), size });
const product = (sizes: readonly number[]) => sizes.reduce((p, s) => p * s, 1);

/** offset + Σ stride·value */
function affine(offset: number, terms: readonly (readonly [Loop | Expr, number])[]): Expr {
  return terms.reduce<Expr>((sum, [of, stride]) => {
    return b.op('add', [sum, b.op('mul', ['variable' in of ? of.variable : of, int(stride)])]);
  }, int(offset));
}

const rowMajor = (sizes: readonly number[]) => sizes.map((_, i) => product(sizes.slice(i + 1)));

export const EPILOGUES = ['none', 'bias', 'rowBias', 'mask', 'two', 'inPlace', 'square', 'position'] as const;
export type EpilogueKind = (typeof EPILOGUES)[number];

/**
 * Buffers: 0 and 1 are the operands; 2 has an element for each point of the result (`readwrite` for 'inPlace'); 3 is the
 * result; 4 a second one, of bools. Scalar 0 is a factor.
 */
function kernelOf(
  contraction: MatmulContraction | ConvContraction,
  sizes: readonly [number, number],
  outer: readonly Loop[],
  inner: readonly Loop[],
  operands: readonly [Expr, Expr],
  kind: EpilogueKind,
  dtype: DType,
): Kernel {
  const points = product(outer.map((l) => l.size));
  const at = affine(
    0,
    outer.map((l, i) => [l, rowMajor(outer.map((o) => o.size))[i]!]),
  );
  const sum = b.acc(0, dtype);
  const extra = b.load(2, at, dtype);
  const store = (buffer: number, value: Expr): Store => ({
    buffer,
    index: at,
    value,
    mode: 'set',
    guard: null,
  });
  const column = outer.at(-1)!.variable;
  // The dimension whose bias a convolution adds: its channels.
  const row = outer[contraction.op === 'conv' ? 2 : outer.length - 2]!.variable;
  const zero = b.constant(0, dtype);
  const stores: Record<EpilogueKind, () => Store[]> = {
    none: () => [store(3, sum)],
    bias: () => [store(3, b.op('max', [b.op('add', [sum, b.load(2, column, dtype)]), zero]))],
    rowBias: () => [store(3, b.op('tanh', [b.op('add', [sum, b.load(2, row, dtype)])]))],
    mask: () => [store(3, b.op('where', [b.op('lt', [extra, zero]), zero, sum]))],
    two: () => [store(3, b.op('add', [sum, extra])), store(4, b.op('lt', [zero, sum]))],
    inPlace: () => [store(2, b.op('sub', [extra, b.op('mul', [b.scalar(0, dtype), sum])]))],
    square: () => [store(3, b.op('mul', [sum, sum]))],
    position: () => [store(3, b.op('add', [sum, b.op('cast', [column], dtype)]))],
  };
  const reads = (size: number) => ({ dtype, size, access: 'read' as const });
  return {
    name: `${contraction.op}_${kind}`,
    buffers: [
      reads(sizes[0]),
      reads(sizes[1]),
      { dtype, size: points, access: kind === 'inPlace' ? 'readwrite' : 'read' },
      { dtype, size: kind === 'inPlace' ? 0 : points, access: 'write' },
      { dtype: 'bool', size: kind === 'two' ? points : 0, access: 'write' },
    ],
    scalars: [dtype],
    nests: [
      {
        outer,
        contraction,
        phases: [
          {
            loops: inner,
            ordered: false,
            reductions: [{ acc: 0, op: 'sum', dtype, value: b.op('mul', operands) }],
            stores: [],
          },
          { loops: [], ordered: false, reductions: [], stores: stores[kind]() },
        ],
      },
    ],
  };
}

export interface MatmulShape {
  readonly batch?: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Operands stored with their last two dimensions swapped. */
  readonly transposed?: readonly [boolean, boolean];
  /** Elements from one to the next along the fast dimension. */
  readonly steps?: readonly [number, number];
  readonly dtype?: DType;
}

/** lhs[b…, m, k]·rhs[b…, k, n] */
export function matmulKernel(shape: MatmulShape, kind: EpilogueKind = 'none'): Kernel {
  const { batch = [], m, n, k, transposed = [false, false], steps = [1, 1], dtype = 'float32' } = shape;
  const place = (rows: number, columns: number, swap: boolean, step: number) => {
    const [slow, fast] = swap ? [rows, columns] : [columns, rows];
    return {
      strides: swap ? [step, slow * step] : [slow * step, step],
      batch: rowMajor(batch).map((s) => s * slow * fast * step),
      size: product(batch) * slow * fast * step,
    };
  };
  const lhs = place(m, k, transposed[0], steps[0]);
  const rhs = place(k, n, transposed[1], steps[1]);
  const [rows, columns, depth] = [loop('m', m), loop('n', n), loop('k', k)];
  const outer = [...batch.map((size, i) => loop(`b${i}`, size)), rows, columns];
  const along = (strides: readonly number[]) => strides.map((s, i) => [outer[i]!, s] as const);
  return kernelOf(
    {
      op: 'matmul',
      batch,
      m,
      n,
      k,
      lhs: { buffer: 0, offset: 0, strides: { batch: lhs.batch, m: lhs.strides[0]!, k: lhs.strides[1]! } },
      rhs: { buffer: 1, offset: 0, strides: { batch: rhs.batch, k: rhs.strides[0]!, n: rhs.strides[1]! } },
    },
    [lhs.size, rhs.size],
    outer,
    [depth],
    [
      b.load(0, affine(0, [...along(lhs.batch), [rows, lhs.strides[0]!], [depth, lhs.strides[1]!]]), dtype),
      b.load(
        1,
        affine(0, [...along(rhs.batch), [depth, rhs.strides[0]!], [columns, rhs.strides[1]!]]),
        dtype,
      ),
    ],
    kind,
    dtype,
  );
}

/** A layer, from which its forward pass and both gradients follow. */
export interface ConvLayer {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly inputSize: readonly number[];
  readonly kernelSize: readonly number[];
  readonly stride?: number;
  readonly padding?: number;
  readonly dilation?: number;
  readonly groups?: number;
}

export const DIRECTIONS = ['forward', 'inputGradient', 'weightGradient'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** The contraction of one pass of a layer, as views of the layer's tensors [N, C, …], [O, C/g, …] and [N, O, …]. */
export function convOf(
  layer: ConvLayer,
  direction: Direction,
): { conv: ConvContraction; sizes: [number, number] } {
  const { batch, inChannels, outChannels, inputSize, kernelSize } = layer;
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = layer;
  const each = (value: number) => inputSize.map(() => value);
  const outputSize = inputSize.map(
    (size, i) => Math.floor((size + 2 * padding - dilation * (kernelSize[i]! - 1) - 1) / stride) + 1,
  );
  const [c, o] = [inChannels / groups, outChannels / groups];
  const [area, taps, places] = [product(inputSize), product(kernelSize), product(outputSize)];
  const x = { batch: inChannels * area, group: c * area, channel: area, spatial: rowMajor(inputSize) };
  const y = {
    batch: outChannels * places,
    group: o * places,
    channel: places,
    spatial: rowMajor(outputSize),
  };
  const w = { group: o * c * taps, out: c * taps, channel: taps, kernel: rowMajor(kernelSize) };
  const sizeOf = { x: batch * x.batch, y: batch * y.batch, w: groups * w.group };
  const common = { op: 'conv', groups } as const;
  if (direction === 'forward') {
    const conv: ConvContraction = {
      ...common,
      ...{ batch, outChannels: o, inChannels: c, outputSize, inputSize, kernelSize },
      ...{ stride: each(stride), padding: each(padding), dilation: each(dilation), inputDilation: each(1) },
      input: { buffer: 0, offset: 0, strides: x },
      weight: { buffer: 1, offset: 0, strides: w },
    };
    return { conv, sizes: [sizeOf.x, sizeOf.w] };
  }
  if (direction === 'inputGradient') {
    const conv: ConvContraction = {
      ...common,
      ...{ batch, outChannels: c, inChannels: o, outputSize: inputSize, inputSize: outputSize, kernelSize },
      ...{ stride: each(1), dilation: each(dilation), inputDilation: each(stride) },
      padding: kernelSize.map((size) => dilation * (size - 1) - padding),
      input: { buffer: 0, offset: 0, strides: y },
      weight: {
        buffer: 1,
        offset: taps - 1,
        strides: { group: w.group, out: w.channel, channel: w.out, kernel: w.kernel.map((s) => -s) },
      },
    };
    return { conv, sizes: [sizeOf.y, sizeOf.w] };
  }
  const conv: ConvContraction = {
    ...common,
    ...{
      batch: c,
      outChannels: o,
      inChannels: batch,
      outputSize: kernelSize,
      inputSize,
      kernelSize: outputSize,
    },
    ...{ stride: each(dilation), padding: each(padding), dilation: each(stride), inputDilation: each(1) },
    input: { buffer: 0, offset: 0, strides: { ...x, batch: x.channel, channel: x.batch } },
    weight: {
      buffer: 1,
      offset: 0,
      strides: { group: y.group, out: y.channel, channel: y.batch, kernel: y.spatial },
    },
  };
  return { conv, sizes: [sizeOf.x, sizeOf.y] };
}

/** A convolution whose every number is free: sizes need not fit each other. */
export interface FreeConv {
  readonly batch: number;
  readonly groups: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly spatial: readonly {
    readonly kernelSize: number;
    readonly inputSize: number;
    readonly outputSize: number;
    readonly stride: number;
    readonly dilation: number;
    readonly inputDilation: number;
    readonly padding: number;
    /** Whether the weight is read backwards. */
    readonly flipped: boolean;
  }[];
}

/** It, with operands [N, G, C, …] and [G, O, C, …] in row-major order. */
export function freeConv({ spatial, ...counts }: FreeConv): {
  conv: ConvContraction;
  sizes: [number, number];
} {
  const { batch, groups, inChannels, outChannels } = counts;
  const each = (name: Exclude<keyof FreeConv['spatial'][number], 'flipped'>) => spatial.map((s) => s[name]);
  const [inputSize, kernelSize] = [each('inputSize'), each('kernelSize')];
  const [area, taps] = [product(inputSize), product(kernelSize)];
  const kernel = rowMajor(kernelSize);
  const channels = groups * inChannels;
  const conv: ConvContraction = {
    ...{ op: 'conv', ...counts, inputSize, kernelSize, outputSize: each('outputSize') },
    ...{ stride: each('stride'), dilation: each('dilation'), padding: each('padding') },
    inputDilation: each('inputDilation'),
    input: {
      buffer: 0,
      offset: 0,
      strides: {
        batch: channels * area,
        group: inChannels * area,
        channel: area,
        spatial: rowMajor(inputSize),
      },
    },
    weight: {
      buffer: 1,
      offset: spatial.reduce((sum, s, i) => sum + (s.flipped ? (s.kernelSize - 1) * kernel[i]! : 0), 0),
      strides: {
        group: outChannels * inChannels * taps,
        out: inChannels * taps,
        channel: taps,
        kernel: kernel.map((stride, i) => (spatial[i]!.flipped ? -stride : stride)),
      },
    },
  };
  return { conv, sizes: [batch * channels * area, groups * outChannels * inChannels * taps] };
}

/** One pass of a layer. */
export function convKernel(layer: ConvLayer, direction: Direction, kind: EpilogueKind = 'none'): Kernel {
  const { conv, sizes } = convOf(layer, direction);
  return convolutionKernel(conv, sizes, kind);
}

/** Any convolution of buffers of these sizes. */
export function convolutionKernel(
  conv: ConvContraction,
  sizes: readonly [number, number],
  kind: EpilogueKind,
): Kernel {
  const { input, weight } = conv;
  const [n, g, o] = [loop('n', conv.batch), loop('g', conv.groups), loop('o', conv.outChannels)];
  const c = loop('c', conv.inChannels);
  const y = conv.outputSize.map((size, i) => loop(`y${i}`, size));
  const t = conv.kernelSize.map((size, i) => loop(`t${i}`, size));
  const positions = y.map((l, i) => {
    return affine(-conv.padding[i]!, [
      [l, conv.stride[i]!],
      [t[i]!, conv.dilation[i]!],
    ]);
  });
  const zero = int(0);
  const places = positions.map((p, i) => b.op('div', [b.op('max', [p, zero]), int(conv.inputDilation[i]!)]));
  const guard = positions
    .flatMap((p, i) => [
      b.op('le', [zero, p]),
      b.op('eq', [b.op('rem', [b.op('max', [p, zero]), int(conv.inputDilation[i]!)]), zero]),
      b.op('lt', [places[i]!, int(conv.inputSize[i]!)]),
    ])
    .reduce((all, one) => b.op('and', [all, one]));
  const inputIndex = affine(input.offset, [
    [n, input.strides.batch],
    [g, input.strides.group],
    [c, input.strides.channel],
    ...places.map((p, i) => [p, input.strides.spatial[i]!] as const),
  ]);
  const weightIndex = affine(weight.offset, [
    [g, weight.strides.group],
    [o, weight.strides.out],
    [c, weight.strides.channel],
    ...t.map((l, i) => [l, weight.strides.kernel[i]!] as const),
  ]);
  return kernelOf(
    conv,
    sizes,
    [n, g, o, ...y],
    [c, ...t],
    [b.load(0, inputIndex, 'float32', guard), b.load(1, weightIndex, 'float32')],
    kind,
    'float32',
  );
}
