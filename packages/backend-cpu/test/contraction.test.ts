import { type DType, type Kernel, viewAs } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { compileKernel } from '../src/codegen/compile.js';
import { specializeContraction } from '../src/contraction/index.js';
import { cpu } from '../src/index.js';
import {
  type ConvLayer,
  convKernel,
  convolutionKernel,
  DIRECTIONS,
  type Direction,
  EPILOGUES,
  freeConv,
  type MatmulShape,
  matmulKernel,
} from './contractionKernels.js';
import { loadEverything } from './loadEverything.js';
import { poisoned, randomInputs, runPoisoned } from './poisonedRun.js';

await loadEverything();
const oracle = (await reference().start()).backend;
const backend = (await cpu().start()).backend;
afterAll(() => backend.destroy());

/** Contents of all buffers after the reference backend ran a kernel. */
async function expectedOf(kernel: Kernel, inputs: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const slices = inputs.map((bytes) => {
    const buffer = oracle.allocate(bytes.length);
    oracle.write(buffer, 0, bytes);
    return { buffer, byteOffset: 0 };
  });
  const program = await oracle.compile(kernel);
  oracle.submit([{ program, buffers: slices, scalars: [0.25] }]);
  const results = await Promise.all(slices.map(({ buffer }) => oracle.read(buffer, 0, buffer.bytes)));
  for (const { buffer } of slices) oracle.free(buffer);
  return results;
}

const valuesOf = (kernel: Kernel, contents: readonly Uint8Array[]): number[][] =>
  kernel.buffers.map(({ dtype }, i) => [...viewAs(dtype, contents[i]!)]);

type Oracle = (kernel: Kernel, inputs: readonly Uint8Array[]) => Uint8Array[] | Promise<Uint8Array[]>;

/** The plain loops, compiled: fast enough for what is cut into many units. */
const plainLoops: Oracle = (kernel, inputs) => runPoisoned(compileKernel(kernel, poisoned), inputs);

async function agree(kernel: Kernel, oracle: Oracle = expectedOf): Promise<void> {
  const program = specializeContraction(kernel, poisoned);
  if (!program) {
    // Pixels that are gathered for one channel are left to the generic loops; all else has a tuned program.
    expect(kernel.nests[0]!.contraction).toMatchObject({ op: 'conv', outChannels: 1 });
    return;
  }
  const inputs = randomInputs(kernel);
  const actual = valuesOf(kernel, runPoisoned(program, inputs));
  const expected = valuesOf(kernel, await oracle(kernel, inputs));
  const depth = kernel.nests[0]!.phases[0]!.loops.reduce((p, l) => p * l.size, 1);
  const bound = (kernel.buffers[0]!.dtype === 'float64' ? 2 ** -52 : 2 ** -23) * (4 + depth);
  kernel.buffers.forEach(({ dtype }, i) => {
    const wrong = actual[i]!.findIndex((x, j) => {
      const y = expected[i]![j]!;
      // Where a sum is about 0, its sign is up to rounding.
      if (dtype === 'bool') return x !== y && Math.abs(expected[3]![j]! - expected[2]![j]!) > bound;
      return !(Math.abs(x - y) <= bound * (1 + Math.abs(y)));
    });
    expect(
      wrong === -1 ? '' : `buffer ${i}, element ${wrong}: ${actual[i]![wrong]} for ${expected[i]![wrong]}`,
    ).toBe('');
  });
}

/** Units are independent: one after another, from the last one on, they leave what all of them at once do. */
function expectCuttable(kernel: Kernel, parts: number): void {
  const program = specializeContraction(kernel, poisoned)!;
  expect(program.parts).toHaveLength(parts);
  expect(Math.max(...program.parts.map(({ units }) => units))).toBeGreaterThan(2);
  const pieces = program.parts.flatMap((part) =>
    Array.from({ length: part.units }, (_, i) => ({
      ...part,
      units: 1,
      run: (_begin: number, _end: number, args: number, scratch: number) =>
        part.run(part.units - 1 - i, part.units - i, args, scratch),
    })),
  );
  const inputs = randomInputs(kernel);
  const actual = runPoisoned({ ...program, parts: pieces }, inputs);
  const expected = runPoisoned(program, inputs);
  expect(actual.map((bytes, i) => Buffer.compare(bytes, expected[i]!))).toEqual(actual.map(() => 0));
}

/** Results of a program whose memory lies around 2 GB, where addresses change their sign: in turn, at several places of each of its blocks. */
function resultsAcross2GB(kernel: Kernel, inputs: readonly Uint8Array[]): Buffer[][] {
  const sign = 2 ** 31;
  const pages = (sign + 2 ** 23) / 65536;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const program = specializeContraction(kernel, memory)!;
  const { layout, scratchBytes, sharedBytes, parts } = program;
  const sizes = [...inputs.map((bytes) => bytes.length), scratchBytes, sharedBytes];
  const places = sizes.flatMap((size, i) =>
    [0.1, 0.3, 0.5, 0.7, 0.9].map((part) => [i, 16 * Math.round((size * part) / 16)]),
  );
  return places.map(([middle, before]) => {
    const args = sign - 2 ** 22;
    let end = sign + 2 ** 22;
    const starts = sizes.map((size, i) => {
      if (i === middle) return sign - before!;
      end += size + 1024 - (size % 64);
      return end - size - ((end - size) % 64);
    });
    const view = new DataView(memory.buffer);
    inputs.forEach((bytes, i) => {
      new Uint8Array(memory.buffer).set(bytes, starts[i]);
      view.setUint32(args + layout.buffer(i), starts[i]!, true);
    });
    const [scratch, shared] = starts.slice(-2) as [number, number];
    view.setUint32(args + layout.shared, shared, true);
    view.setFloat32(args + layout.scalar(0), 0.25, true);
    for (const { units, run } of parts) run(0, units, args, scratch);
    return inputs.map(({ length }, i) => Buffer.from(memory.buffer.slice(starts[i]!, starts[i]! + length)));
  });
}

/** Cases per property; the variable asks for more of them. */
const RUNS = Number(process.env.CONTRACTION_RUNS ?? 100);
const epilogue = fc.constantFrom(...EPILOGUES);

describe('matmul', () => {
  const size = fc.oneof(
    { arbitrary: fc.integer({ min: 3, max: 40 }), weight: 2 },
    fc.integer({ min: 3, max: 9 }),
  );
  const shape: fc.Arbitrary<MatmulShape> = fc.record({
    batch: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
    m: size,
    n: size,
    k: fc.integer({ min: 1, max: 40 }),
    transposed: fc.tuple(fc.boolean(), fc.boolean()),
    steps: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
    dtype: fc.constantFrom('float32', 'float64'),
  });

  it('agrees with the reference for any shape, stride and epilogue', async () => {
    await fc.assert(
      fc.asyncProperty(shape, epilogue, (s, kind) => agree(matmulKernel(s, kind))),
      { numRuns: RUNS },
    );
  });

  it.each<MatmulShape>([
    { m: 131, n: 9, k: 390 },
    { m: 129, n: 70, k: 33, transposed: [true, true] },
    { m: 5, n: 515, k: 40, transposed: [false, true] },
    { m: 260, n: 3, k: 800, dtype: 'float64' },
  ])('spans several blocks: $m × $n × $k', async (s) => {
    await agree(matmulKernel(s, 'two'));
    await agree(matmulKernel(s, 'inPlace'));
  });

  it('agrees with the plain loops where it is cut into many units', async () => {
    const large = fc.record({
      batch: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 2 }),
      m: fc.oneof(fc.integer({ min: 3, max: 300 }), fc.integer({ min: 3, max: 9 })),
      n: fc.oneof(fc.integer({ min: 3, max: 300 }), fc.integer({ min: 3, max: 9 })),
      k: fc.integer({ min: 1, max: 500 }),
      transposed: fc.tuple(fc.boolean(), fc.boolean()),
      dtype: fc.constantFrom<DType>('float32', 'float64'),
    });
    await fc.assert(
      fc.asyncProperty(large, epilogue, (s, kind) => agree(matmulKernel(s, kind), plainLoops)),
      { numRuns: RUNS / 4 },
    );
  });

  it('has plain loops, too, that need little working memory', () => {
    const kernel = matmulKernel({ batch: [2, 3], m: 251, n: 297, k: 144, dtype: 'float64' });
    expect(compileKernel(kernel, poisoned).sharedBytes).toBe(0);
  });

  it('is said to be tuned', async () => {
    const program = await specializeContraction(matmulKernel({ m: 8, n: 8, k: 8 }), poisoned);
    expect(program?.specialized).toBe(true);
  });

  it.each<[string, MatmulShape]>([
    ['integers', { m: 8, n: 8, k: 8, dtype: 'int32' }],
    ['few sums of two rows', { m: 2, n: 12, k: 64 }],
    ['vectors whose matrix has no neighbours', { m: 1, n: 64, k: 64, steps: [1, 2] }],
  ])('leaves %s to the generic loops', (_, s) => {
    expect(specializeContraction(matmulKernel(s), poisoned)).toBeUndefined();
  });

  it.each<[string, MatmulShape, number]>([
    ['both operands shared', { m: 300, n: 90, k: 390 }, 2],
    ['one operand shared', { m: 100, n: 140, k: 390, transposed: [false, true] }, 2],
    ['batch entries', { batch: [3], m: 70, n: 90, k: 130, transposed: [true, true] }, 2],
    ['enough batch entries', { batch: [17], m: 30, n: 40, k: 50 }, 1],
  ])('can be cut into ranges of units: %s', (_, s, parts) => expectCuttable(matmulKernel(s, 'two'), parts));
});

describe('matmul of few rows or columns', () => {
  const few = fc.integer({ min: 1, max: 8 });
  const many = fc.integer({ min: 64, max: 300 });
  const shape: fc.Arbitrary<MatmulShape> = fc
    .record({
      batch: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 1 }),
      few,
      many,
      swapped: fc.boolean(),
      k: fc.integer({ min: 32, max: 80 }),
      transposed: fc.tuple(fc.boolean(), fc.boolean()),
      step: fc.integer({ min: 1, max: 2 }),
      dtype: fc.constantFrom<DType>('float32', 'float64'),
    })
    .filter(({ few, many, k }) => few * many * k >= 2 ** 13)
    .map(({ few, many, swapped, step, ...rest }) => ({
      ...rest,
      ...(swapped ? { m: many, n: few, steps: [1, step] } : { m: few, n: many, steps: [step, 1] }),
    }));

  it('agrees with the reference for any shape, stride and epilogue', async () => {
    await fc.assert(
      fc.asyncProperty(shape, epilogue, (s, kind) => {
        expect(specializeContraction(matmulKernel(s, kind), poisoned)).toBeDefined();
        return agree(matmulKernel(s, kind));
      }),
      { numRuns: RUNS },
    );
  });

  it('agrees with the plain loops where it is cut into many units', async () => {
    const wide = fc.integer({ min: 64, max: 5000 });
    const deep = fc.integer({ min: 32, max: 2500 });
    const large = fc
      .record({ shape, wide, deep })
      .filter(({ wide, deep }) => wide * deep > 2 ** 13 && wide * deep < 2 ** 20)
      .map(({ shape: s, wide, deep }) => ({ ...s, k: deep, ...(s.m < s.n ? { n: wide } : { m: wide }) }));
    await fc.assert(
      fc.asyncProperty(large, epilogue, (s, kind) => agree(matmulKernel(s, kind), plainLoops)),
      { numRuns: RUNS / 4 },
    );
  });

  it.each<[string, MatmulShape, number]>([
    ['rows in pieces', { m: 3, n: 500, k: 900 }, 2],
    ['rows in pieces and blocks', { m: 7, n: 3001, k: 400 }, 2],
    ['columns in pieces', { m: 900, n: 2, k: 700, transposed: [true, false] }, 2],
    ['blocks', { m: 1, n: 9000, k: 60 }, 1],
    ['dots', { m: 2, n: 333, k: 1500, transposed: [false, true] }, 1],
    ['dots in pieces', { m: 5, n: 16, k: 9001, transposed: [true, true] }, 3],
    ['dots of copied columns', { m: 777, n: 3, k: 600 }, 2],
    ['batch entries', { batch: [20], m: 4, n: 80, k: 60 }, 1],
  ])('can be cut into ranges of units: %s', async (_, s, parts) => {
    expectCuttable(matmulKernel(s, 'two'), parts);
    await agree(matmulKernel(s, 'two'), plainLoops);
  });
});

const someConv: ConvLayer = {
  batch: 2,
  inChannels: 5,
  outChannels: 8,
  inputSize: [9, 9],
  kernelSize: [3, 3],
};

it.each<[string, Kernel]>([
  ['packed panels', matmulKernel({ m: 70, n: 90, k: 130 })],
  ['transposed panels', matmulKernel({ m: 70, n: 93, k: 130, transposed: [true, true] })],
  ['few rows', matmulKernel({ m: 2, n: 600, k: 600 })],
  ['few columns', matmulKernel({ m: 600, n: 3, k: 602 })],
  ['a convolution', convKernel(someConv, 'forward', 'none')],
])('works in memory around 2 GB: %s', (_, kernel) => {
  const inputs = randomInputs(kernel);
  const expected = runPoisoned(specializeContraction(kernel, poisoned)!, inputs);
  for (const results of resultsAcross2GB(kernel, inputs))
    expect(results.map((bytes, i) => Buffer.compare(bytes, expected[i]!))).toEqual(expected.map(() => 0));
});

describe('conv', () => {
  const layer: fc.Arbitrary<ConvLayer> = fc
    .record({
      batch: fc.integer({ min: 1, max: 4 }),
      c: fc.integer({ min: 1, max: 6 }),
      o: fc.integer({ min: 1, max: 6 }),
      groups: fc.constantFrom(1, 1, 2, 3),
      kernelSize: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      extra: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 3, maxLength: 3 }),
      stride: fc.integer({ min: 1, max: 3 }),
      padding: fc.integer({ min: 0, max: 2 }),
      dilation: fc.integer({ min: 1, max: 2 }),
    })
    .map(({ c, o, groups, extra, kernelSize, ...rest }) => ({
      ...rest,
      groups,
      kernelSize,
      inChannels: c * groups,
      outChannels: o * groups,
      inputSize: kernelSize.map((size, i) => (size - 1) * rest.dilation + 1 + extra[i]!),
    }));

  it.each(DIRECTIONS)('%s agrees with the reference for any layer and epilogue', async (direction) => {
    await fc.assert(
      fc.asyncProperty(layer, epilogue, (l, kind) => agree(convKernel(l, direction, kind))),
      { numRuns: RUNS },
    );
  });

  it('agrees with the reference for any sizes, strides, gaps and padding on either side', async () => {
    const small = (max: number) => fc.integer({ min: 1, max });
    const spatial = fc.record({
      kernelSize: small(4),
      inputSize: small(9),
      outputSize: small(9),
      stride: small(3),
      dilation: small(3),
      inputDilation: fc.constantFrom(1, 1, 2, 3),
      padding: fc.integer({ min: -4, max: 7 }),
      flipped: fc.boolean(),
    });
    const any = fc.record({
      batch: small(3),
      groups: fc.constantFrom(1, 1, 2, 3),
      inChannels: small(5),
      outChannels: small(6),
      spatial: fc.array(spatial, { minLength: 1, maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(any, epilogue, ({ spatial, ...rest }, kind) => {
        const { conv, sizes } = freeConv({ ...rest, spatial });
        return agree(convolutionKernel(conv, sizes, kind));
      }),
      { numRuns: RUNS },
    );
  });

  it.each(DIRECTIONS)('%s agrees with the plain loops where it is cut into many units', async (direction) => {
    const size = (max: number) => fc.integer({ min: 1, max });
    const large: fc.Arbitrary<ConvLayer> = fc
      .record({
        batch: size(24),
        c: size(20),
        o: size(20),
        groups: fc.constantFrom(1, 1, 2, 3),
        kernelSize: fc.tuple(size(4), size(4)),
        inputSize: fc.tuple(fc.integer({ min: 8, max: 30 }), fc.integer({ min: 8, max: 30 })),
        stride: fc.constantFrom(1, 1, 2),
        padding: fc.integer({ min: 0, max: 2 }),
        dilation: size(2),
      })
      .map(({ c, o, ...rest }) => ({
        ...rest,
        inChannels: c * rest.groups,
        outChannels: o * rest.groups,
      }));
    const depthwise = large.map((l) => ({ ...l, groups: 5, inChannels: 5, outChannels: 5 }));
    const any = fc.oneof({ arbitrary: large, weight: 3 }, depthwise);
    await fc.assert(
      fc.asyncProperty(any, epilogue, (l, kind) => agree(convKernel(l, direction, kind), plainLoops)),
      { numRuns: RUNS / 4 },
    );
  });

  it.each<[string, ConvLayer, Direction, number]>([
    [
      'images and lines',
      { batch: 3, inChannels: 4, outChannels: 6, inputSize: [40, 50], kernelSize: [3, 3], padding: 1 },
      'forward',
      1,
    ],
    [
      'stretches of its sums',
      { batch: 7, inChannels: 6, outChannels: 10, groups: 2, inputSize: [30, 30], kernelSize: [5, 3] },
      'weightGradient',
      2,
    ],
  ])('can be cut into ranges of units: %s', (_, l, direction, parts) =>
    expectCuttable(convKernel(l, direction, 'two'), parts),
  );

  it('leaves single channels to the generic loops where pixels have to be gathered', () => {
    const layer: ConvLayer = {
      batch: 2,
      inChannels: 8,
      outChannels: 8,
      groups: 8,
      inputSize: [9, 9],
      kernelSize: [3, 3],
    };
    const isTuned = (l: ConvLayer, direction: (typeof DIRECTIONS)[number]) =>
      specializeContraction(convKernel(l, direction), poisoned) !== undefined;
    expect(DIRECTIONS.map((direction) => isTuned(layer, direction))).toEqual([true, true, true]);
    const strided = { ...layer, stride: 2 };
    expect(DIRECTIONS.map((direction) => isTuned(strided, direction))).toEqual([false, true, false]);
    const dense = { ...strided, groups: 1 };
    expect(DIRECTIONS.map((direction) => isTuned(dense, direction))).toEqual([true, true, true]);
  });

  const layers: (ConvLayer & { name: string })[] = [
    {
      name: 'positions that no tap meets',
      batch: 2,
      inChannels: 1,
      outChannels: 2,
      inputSize: [7, 1],
      kernelSize: [4, 1],
      stride: 3,
      padding: 1,
      dilation: 2,
    },
    {
      name: 'depthwise',
      batch: 2,
      inChannels: 6,
      outChannels: 6,
      groups: 6,
      inputSize: [11, 30],
      kernelSize: [3, 3],
      padding: 1,
    },
    {
      name: 'depthwise, long kernel lines',
      batch: 2,
      inChannels: 2,
      outChannels: 2,
      groups: 2,
      inputSize: [5, 11, 30],
      kernelSize: [2, 5, 5],
      padding: 2,
    },
    {
      name: 'three channels, lines in several stretches',
      batch: 2,
      inChannels: 3,
      outChannels: 41,
      inputSize: [6, 45],
      kernelSize: [3, 3],
    },
    {
      name: 'more channels than a block',
      batch: 1,
      inChannels: 60,
      outChannels: 9,
      inputSize: [8, 9],
      kernelSize: [3, 3],
    },
    {
      name: 'more pixels than a unit',
      batch: 2,
      inChannels: 1,
      outChannels: 5,
      inputSize: [40, 41],
      kernelSize: [3, 3],
      padding: 1,
    },
    {
      name: 'a line longer than a unit',
      batch: 2,
      inChannels: 2,
      outChannels: 3,
      inputSize: [1500],
      kernelSize: [5],
      stride: 1,
    },
    {
      name: 'several images per unit',
      batch: 30,
      inChannels: 2,
      outChannels: 4,
      inputSize: [9, 9],
      kernelSize: [3, 3],
      stride: 2,
      padding: 1,
    },
    {
      name: 'a volume',
      batch: 2,
      inChannels: 2,
      outChannels: 3,
      inputSize: [5, 12, 13],
      kernelSize: [2, 3, 3],
      padding: 1,
    },
  ];
  for (const { name, ...l } of layers) {
    it.each(DIRECTIONS)(`${name}, %s`, async (direction) => {
      await agree(convKernel(l, direction, 'rowBias'));
      await agree(convKernel(l, direction, 'two'));
    });
  }
});
