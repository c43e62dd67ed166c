/** Sorts and scatters in stages: to the bit what the reference backend's loops do. */
import { onAnyGpu } from '@neurite/browser';
import { parkMiller } from '@neurite/browser/kit';
import { type Device, type DType, explain, stack, type Tensor, tensor, use, zeros } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { webgpu } from '../src/index.js';

let gpu: Device;
let small: Device;
let plain: Device;
beforeAll(async () => {
  gpu = await use(onAnyGpu(webgpu()), { log: false });
  small = await use(onAnyGpu(webgpu({ limits: 'default' })), { log: false });
  plain = await use(reference(), { log: false });
});
afterAll(async () => {
  await gpu.destroy();
  await small.destroy();
});

const draw = parkMiller(11);
/** Numbers with ties, NaN, infinities and both zeros among them. */
const numbers = (size: number): number[] =>
  Array.from({ length: size }, () => {
    const choice = draw();
    if (choice < 0.02) return Number.NaN;
    if (choice < 0.04) return Number.POSITIVE_INFINITY;
    if (choice < 0.06) return -0;
    return Math.floor(draw() * 300) / 4 - 30;
  });

/** Whether a tensor is computed by a tuned program, and its values there and on the reference backend. */
async function compare(make: (device: Device) => Tensor): Promise<{ isTuned: boolean; values: number[] }> {
  const wanted = Array.from(await make(plain).data());
  for (const device of [small, gpu]) expect(Array.from(await make(device).data())).toEqual(wanted);
  const { kernels } = await explain(make(gpu));
  return { isTuned: kernels.some((k) => k.specialized), values: wanted };
}

describe('argsort', () => {
  const cases: [string, number[], number, DType, boolean][] = [
    ['two chunks, the second of one', [257], 0, 'float32', false],
    ['descending', [700], 0, 'float32', true],
    ['an odd number of runs', [3 * 256 + 5], 0, 'float32', false],
    ['rows', [3, 1025], 1, 'float32', false],
    ['columns, descending', [600, 3], 0, 'float32', true],
    ['the middle of three', [2, 300, 3], 1, 'float32', false],
    ['integers', [1000], 0, 'int32', true],
    ['bytes', [900], 0, 'uint8', false],
    ['halves', [520], 0, 'float16', false],
  ];
  test.each(cases)('%s', async (_, shape, dim, dtype, descending) => {
    const content = numbers(shape.reduce((a, b) => a * b, 1)).map((x) =>
      dtype.startsWith('float') ? x : Number.isFinite(x) ? Math.abs(Math.trunc(x)) : 7,
    );
    const { isTuned } = await compare((device) =>
      tensor(content, { shape, dtype, device }).argsort(dim, { descending }),
    );
    expect(isTuned).toBe(true);
  });

  test('of what is computed, and of a view', async () => {
    const content = numbers(1200);
    await compare((device) =>
      tensor(content, { shape: [2, 600], device })
        .mul(-2)
        .argsort(1),
    );
    await compare((device) =>
      tensor(content, { shape: [600, 2], device })
        .T.flip(1)
        .argsort(1),
    );
  });

  test.each([
    ['several rows a workgroup', [37, 16], 1, false],
    ['columns, descending', [100, 5], 0, true],
    ['one row a workgroup', [3, 256], 1, false],
  ])('of short rows: %s', async (_, shape, dim, descending) => {
    const content = numbers(shape[0] * shape[1]);
    const { isTuned } = await compare((device) =>
      tensor(content, { shape, device }).mul(3).argsort(dim, { descending }),
    );
    expect(isTuned).toBe(true);
  });

  test('very short rows keep the loops', async () => {
    const content = numbers(512);
    const { isTuned } = await compare((device) => tensor(content, { shape: [64, 8], device }).argsort(1));
    expect(isTuned).toBe(false);
  });

  test('whatever else reads the same elements, or is written to the same tensor, it is a kernel of its own', async () => {
    const content = numbers(600).map((x) => (Number.isFinite(x) ? x : 0));
    const make = (device: Device) => {
      const x = tensor(content, { device });
      return stack([x.argsort(0), x.mul(8).to('int32'), x.argsort(0, { descending: true })]);
    };
    await compare(make);
    const { kernels } = await explain(make(gpu));
    expect(kernels.filter(({ specialized }) => specialized)).toHaveLength(2);
  });

  test('sort and topk go through it', async () => {
    const content = numbers(800).map((x) => (Number.isNaN(x) ? 1 : x));
    const { values } = await compare((device) => tensor(content, { device }).sort(0)[0]);
    expect(values).toEqual([...content].sort((a, b) => a - b).map((x) => (x === 0 ? expect.closeTo(0) : x)));
    await compare((device) => tensor(content, { device }).topk(20, 0)[0]);
  });
});

describe('scatters of slices', () => {
  const index = (size: number, targets: number) =>
    Array.from({ length: size }, () => Math.floor(draw() * targets));

  test.each([
    ['few targets, many sources each', 600, 7, 5],
    ['more targets than sources', 100, 333, 3],
    ['one column', 300, 40, 1],
    ['one target', 70, 1, 9],
  ])('indexAdd: %s', async (_, sources, targets, width) => {
    const at = index(sources, targets);
    const added = Array.from({ length: sources * width }, () => draw() - 0.5);
    const { isTuned } = await compare((device) =>
      zeros([targets, width], { device })
        .add(1)
        .indexAdd(
          0,
          tensor(at, { dtype: 'int32', device }),
          tensor(added, { shape: [sources, width], device }),
        ),
    );
    expect(isTuned).toBe(true);
  });

  test('indexCopy: the last source of a target stays', async () => {
    const at = index(200, 20);
    await compare((device) =>
      zeros([20, 2], { device }).indexCopy(
        0,
        tensor(at, { dtype: 'int32', device }),
        tensor(
          Array.from({ length: 400 }, (_, i) => i),
          { shape: [200, 2], device },
        ),
      ),
    );
  });

  test('along the last dimension', async () => {
    const at = index(128, 10);
    const added = Array.from({ length: 3 * 128 }, () => draw());
    const { isTuned } = await compare((device) =>
      zeros([3, 10], { device }).indexAdd(
        1,
        tensor(at, { dtype: 'int32', device }),
        tensor(added, { shape: [3, 128], device }),
      ),
    );
    expect(isTuned).toBe(true);
  });

  test('an index that is computed, some of it out of range', async () => {
    const at = index(150, 30);
    await compare((device) =>
      zeros([20, 4], { device }).indexAdd(
        0,
        tensor(at, { dtype: 'int32', device }).sub(5),
        tensor(
          Array.from({ length: 600 }, (_, i) => i / 7),
          { shape: [150, 4], device },
        ),
      ),
    );
  });

  test('where each column has its own targets, or sources are few, the loops stay', async () => {
    const at = index(200, 10);
    const { isTuned } = await compare((device) =>
      zeros([10, 2], { device }).scatterAdd(
        0,
        tensor(at, { shape: [100, 2], dtype: 'int32', device }),
        tensor(
          Array.from({ length: 200 }, (_, i) => i),
          { shape: [100, 2], device },
        ),
      ),
    );
    expect(isTuned).toBe(false);
  });
});
