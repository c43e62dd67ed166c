import { describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/interface.js';
import { reference } from '../src/backend/reference.js';
import { validating } from '../src/backend/validate.js';
import { ValidationError } from '../src/errors.js';
import type { Kernel } from '../src/kernel/ir.js';
import { encodeElements, runProgram } from '../src/testkit/harness.js';
import { constant, load, loop, op, pointwise, reads, store, updates } from '../src/testkit/kernel-builder.js';
import { describeKernels } from '../src/testkit/kernels.js';

const start = async (): Promise<Backend> => (await reference().start()).backend;

await describeKernels(
  'reference checked by reference',
  async () => validating(await start(), await start()),
  {
    describe,
    it,
    expect,
  },
);

const i = loop('i', 4);

/** io1 = io1 + in0 · `factor` */
function accumulate(factor: number): Kernel {
  const product = op('mul', load(0, i.variable), constant(factor));
  return {
    name: 'accumulate',
    buffers: [reads(4), updates(4)],
    scalars: ['float32'],
    nests: [pointwise([i], store(1, i.variable, op('add', load(1, i.variable), product)))],
  };
}

/** A backend whose kernels multiply by `factor` where they should by 2. */
async function faulty(factor: number): Promise<Backend> {
  const backend = await start();
  return { ...backend, name: 'faulty', compile: () => backend.compile(accumulate(factor)) };
}

/** Runs io1 = [1, 1, 1, 1] + [0, 0, 1, 2] · 2. */
async function submit(backend: Backend) {
  const program = await backend.compile(accumulate(2));
  const buffers = [
    [0, 0, 1, 2],
    [1, 1, 1, 1],
  ].map((values) => {
    const buffer = backend.allocate(16);
    backend.write(buffer, 0, encodeElements('float32', values));
    return { buffer, byteOffset: 0 };
  });
  backend.submit([{ program, buffers, scalars: [0.5] }]);
  return buffers.map(({ buffer }) => buffer);
}

describe('validating', () => {
  it('names kernel, buffer, first element and both values, and shows the kernel', async () => {
    const backend = validating(await faulty(3), await start());
    const [, result] = await submit(backend);
    const failure = await backend.read(result, 0, 16).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ValidationError);
    expect((failure as Error).message).toBe(
      'accumulate: io1[2] is 4 on faulty and 3 on reference, with scalars [0.5], in\n' +
        'kernel accumulate(in0: float32[4], io1: float32[4], s0: float32)\n' +
        'nest i < 4\n  once\n    io1[i] = io1[i] + in0[i] * 2.0',
    );
    await expect(backend.synchronize()).rejects.toThrow(ValidationError);
  });

  it('rejects in synchronize, too', async () => {
    const backend = validating(await faulty(3), await start());
    await submit(backend);
    await expect(backend.synchronize()).rejects.toThrow('accumulate: io1[2]');
  });

  it('lets pass what is within its tolerance, and only that', async () => {
    const near = await faulty(2.00001);
    const lenient = validating(near, await start());
    await submit(lenient);
    await lenient.synchronize();
    const strict = validating(near, await start(), { rtol: 1e-7, atol: 0 });
    await submit(strict);
    await expect(strict.synchronize()).rejects.toThrow(ValidationError);
  });

  it('never takes NaN or infinity for a number', async () => {
    for (const factor of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const backend = validating(await faulty(factor), await start(), { rtol: 1, atol: 1e9 });
      await submit(backend);
      await expect(backend.synchronize()).rejects.toThrow(ValidationError);
    }
  });

  it('checks tuned programs, and asks for none where the backend has none', async () => {
    const inner = await start();
    expect(validating(inner, await start()).specialize).toBeUndefined();
    const tuned: Backend = { ...inner, specialize: () => inner.compile(accumulate(5)) };
    const backend = validating(tuned, await start());
    const kernel = accumulate(2);
    const program = (await backend.specialize?.(kernel))!;
    const inputs = [
      [1, 2, 3, 4],
      [0, 0, 0, 0],
    ];
    await expect(runProgram(backend, program, { kernel, inputs, scalars: [0] })).rejects.toThrow(
      'io1[0] is 5',
    );
    const declined = validating({ ...inner, specialize: () => undefined }, await start());
    expect(declined.specialize?.(kernel)).toBeUndefined();
  });
});
