import { type Backend, DTYPES, type Kernel, type Program, viewAs } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { cpu } from '../src/index.js';
import {
  type ConvLayer,
  convKernel,
  DIRECTIONS,
  EPILOGUES,
  type MatmulShape,
  matmulKernel,
} from './contractionKernels.js';

const tuned = (await cpu().start()).backend;
const oracle = (await reference().start()).backend;
afterAll(() => tuned.destroy());

/** Contents of all buffers after one run on the same random inputs. */
async function run(backend: Backend, program: Program, kernel: Kernel): Promise<number[][]> {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const slices = kernel.buffers.map(({ dtype, size }) => {
    const bytes = new Uint8Array(size * DTYPES[dtype].bytes);
    const elements = viewAs(dtype, bytes);
    for (let i = 0; i < size; i += 1) elements[i] = dtype === 'bool' ? 0 : random();
    const buffer = backend.allocate(bytes.length);
    backend.write(buffer, 0, bytes);
    return { buffer, byteOffset: 0 };
  });
  backend.submit([{ program, buffers: slices, scalars: [0.25] }]);
  const results: number[][] = [];
  for (const [i, { buffer }] of slices.entries()) {
    const { dtype } = kernel.buffers[i]!;
    results.push([...viewAs(dtype, await backend.read(buffer, 0, buffer.bytes))]);
    backend.free(buffer);
  }
  return results;
}

async function agree(kernel: Kernel): Promise<void> {
  const program = await tuned.specialize!(kernel);
  expect(program, `${kernel.name} has a tuned program`).toBeDefined();
  const actual = await run(tuned, program!, kernel);
  const expected = await run(oracle, await oracle.compile(kernel), kernel);
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

const epilogue = fc.constantFrom(...EPILOGUES);

describe('matmul', () => {
  const size = fc.integer({ min: 3, max: 40 });
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
      { numRuns: 150 },
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

  it('leaves vectors and integers to the generic loops', () => {
    expect(tuned.specialize!(matmulKernel({ m: 1, n: 64, k: 64 }))).toBeUndefined();
    expect(tuned.specialize!(matmulKernel({ m: 64, n: 2, k: 64 }))).toBeUndefined();
    expect(tuned.specialize!(matmulKernel({ m: 8, n: 8, k: 8, dtype: 'int32' }))).toBeUndefined();
  });

  it('can be cut into ranges of units', async () => {
    const kernel = matmulKernel({ m: 300, n: 20, k: 30 });
    const program = (await tuned.specialize!(kernel)) as Program & {
      parts: { units: number; run: (begin: number, end: number, args: number) => void }[];
    };
    const [part] = program.parts;
    expect(part!.units).toBeGreaterThan(2);
    const pieces = {
      ...program,
      parts: Array.from({ length: part!.units }, (_, i) => ({
        units: 1,
        run: (_begin: number, _end: number, args: number) =>
          part!.run(part!.units - 1 - i, part!.units - i, args),
      })),
    };
    expect(await run(tuned, pieces, kernel)).toEqual(await run(tuned, program, kernel));
  });
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
      { numRuns: 80 },
    );
  });

  const layers: (ConvLayer & { name: string })[] = [
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
