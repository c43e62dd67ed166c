import { describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/interface.js';
import { type ReferenceOptions, reference } from '../src/backend/reference.js';
import { NeuriteError, OutOfMemoryError, ValidationError } from '../src/errors.js';
import type { Kernel } from '../src/kernel/ir.js';
import { decodeElements, encodeElements, type KernelCase, runProgram } from '../src/testkit/harness.js';
import {
  constant,
  index,
  load,
  loop,
  op,
  pointwise,
  reads,
  store,
  writes,
} from '../src/testkit/kernel-builder.js';
import { kernelCases } from '../src/testkit/kernels.js';
import { interpretNaively } from './naive-interpreter.js';

const start = async (options?: ReferenceOptions): Promise<Backend> =>
  (await reference(options).start()).backend;

/** What a buffer holds before the kernel runs, as `runProgram` fills it. */
function initial({ kernel, inputs }: KernelCase): number[][] {
  return kernel.buffers.map(({ dtype, size }, i) =>
    decodeElements(
      dtype,
      encodeElements(dtype, inputs[i] ?? new Array<number>(size).fill(dtype === 'bool' ? 1 : 77)),
    ),
  );
}

describe('the reference backend does what a naive walk over the kernel does', async () => {
  const backend = await start();
  for (const [group, cases] of Object.entries(kernelCases())) {
    if (group === 'scalar ops') continue;
    it(group, async () => {
      for (const c of cases) {
        const actual = await runProgram(backend, await backend.compile(c.kernel), c);
        expect({ [c.name]: actual }).toEqual({ [c.name]: interpretNaively(c.kernel, initial(c), c.scalars) });
      }
    });
  }
});

const i = loop('i', 8);
const double: Kernel = {
  name: 'double',
  buffers: [reads(8), writes(8)],
  scalars: [],
  nests: [pointwise([i], store(1, i.variable, op('exp', load(0, i.variable))))],
};

describe('the reference backend', () => {
  it('keeps to its memory budget and gets freed memory back', async () => {
    const backend = await start({ memoryBudget: 100 });
    const first = backend.allocate(60);
    expect(() => backend.allocate(41)).toThrow(OutOfMemoryError);
    expect(() => backend.allocate(41)).toThrow('41 bytes asked for, 60 of 100 in use');
    backend.free(first);
    expect(backend.allocate(100).bytes).toBe(100);
  });

  it('refuses what its options exclude', async () => {
    const without = async (options: ReferenceOptions) => (await start(options)).compile(double);
    await expect(without({ maxBuffers: 1 })).rejects.toThrow('double uses 2 buffers');
    await expect(without({ scalarOps: new Set(['add']) })).rejects.toThrow('double uses exp');
    await expect(without({ dtypes: ['int32'] })).rejects.toThrow(NeuriteError);
  });

  it.each([
    ['load', load(0, index(4, [i, 1])), i.variable, 'leaky: index 8 is outside in0, which has 8 elements'],
    ['store', constant(1), index(-1, [i, 1]), 'leaky: index -1 is outside out1, which has 8 elements'],
  ])('names kernel, buffer and index of a %s out of range', async (_, value, at, message) => {
    const backend = await start();
    const kernel: Kernel = { ...double, name: 'leaky', nests: [pointwise([i], store(1, at, value))] };
    const program = await backend.compile(kernel);
    const buffers = [32, 32].map((bytes) => ({ buffer: backend.allocate(bytes), byteOffset: 0 }));
    const run = () => backend.submit([{ program, buffers, scalars: [] }]);
    expect(run).toThrow(ValidationError);
    expect(run).toThrow(message);
  });

  it('refuses bindings that do not fit', async () => {
    const backend = await start();
    const program = await backend.compile(double);
    const buffer = backend.allocate(32);
    const bind = (...byteOffsets: number[]) =>
      backend.submit([
        { program, buffers: byteOffsets.map((byteOffset) => ({ buffer, byteOffset })), scalars: [] },
      ]);
    expect(() => bind(0)).toThrow('double: given 1 buffers and 0 scalars, takes 2 and 0');
    expect(() => bind(0, 8)).toThrow('double: out1 needs 32 bytes at offset 8');
    backend.free(buffer);
    expect(() => bind(0, 0)).toThrow('freed');
  });
});
