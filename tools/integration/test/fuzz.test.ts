/** Random op graphs and random training graphs: fused, unfused, with small limits and on every backend the same values. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import { conv, realize, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { createGraphChecker, type Draw, type GraphChecker } from '@neurite/tensor/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** More of them: NEURITE_FUZZ_RUNS=5000; a failure prints its seed, which NEURITE_FUZZ_SEED takes. */
const numRuns = Number(process.env.NEURITE_FUZZ_RUNS ?? 150);
const seed =
  process.env.NEURITE_FUZZ_SEED === undefined ? {} : { seed: Number(process.env.NEURITE_FUZZ_SEED) };
const settings = { numRuns, ...seed };

type Generate = fc.GeneratorValue;
const drawFrom =
  (g: Generate): Draw =>
  (count) =>
    g(fc.nat, count - 1);

describe('random op graphs', () => {
  let checker: GraphChecker;
  beforeAll(async () => {
    checker = await createGraphChecker({
      'reference, fused': [reference()],
      'reference of 8 buffers, no arena': [reference({ maxBuffers: 8, arena: false })],
      'reference of 4 buffers': [reference({ maxBuffers: 4 })],
      'cpu, fused': [cpu()],
      'cpu, unfused': [cpu(), { fusion: false }],
    });
  });
  afterAll(() => checker.destroy());

  it('have one value, however they are computed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.gen(), async (g) => {
        expect(await checker.check(drawFrom(g))).toBe('');
      }),
      settings,
    );
  });
});

const devices = [
  ['cpu', cpu()],
  ['reference', reference()],
  ['reference of 4 buffers', reference({ maxBuffers: 4 })],
] as const;

describe.each(devices)('graphs that were wrong once, on %s', (_, backend) => {
  beforeAll(async () => {
    await use(backend, { log: false });
  });

  it('a convolution all of whose taps lie in the padding', async () => {
    const geometry = {
      stride: [1],
      padding: [[2, 0]],
      dilation: [1],
      inputDilation: [1],
      groups: 1,
    } as const;
    const made = conv(tensor([[[1]]]), tensor([[[5]]]), { ...geometry, stride: [4] });
    expect(await made.array()).toEqual([[[0]]]);
  });

  it('a product that only a tensor without elements reads, after fusion', async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const unread = x.softmax(1).matmul(x).slice(1, 2, 2);
    const roots = [unread, x.softmax(1).sum(), x.matmul(x).mul(2)] as const;
    await realize(...roots);
    expect(await roots[2].array()).toEqual([
      [14, 20],
      [30, 44],
    ]);
  });

  it('an integer product times 0, of which fusion leaves only the 0', async () => {
    const x = tensor([1, 2, 3, 4], { dtype: 'int32', shape: [2, 2] });
    expect(await x.matmul(x).mul(0).add(3).array()).toEqual([
      [3, 3],
      [3, 3],
    ]);
  });

  it('a scatter into what reads two buffers, with a limit of four', async () => {
    const target = tensor([1, 2, 3]).add(tensor([10, 20, 30]));
    const made = target.indexAdd(0, tensor([1], { dtype: 'int32' }), tensor([5]));
    expect(await made.array()).toEqual([11, 27, 33]);
  });
});
