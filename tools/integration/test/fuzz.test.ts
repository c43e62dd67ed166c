/** Random op graphs and random training graphs: fused, unfused, with small limits and on every backend the same values. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import { reference } from '@neurite/tensor/reference';
import { createGraphChecker, type Draw, type GraphChecker } from '@neurite/tensor/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** More of them: NEURITE_FUZZ_RUNS=5000; a failure prints its seed, which NEURITE_FUZZ_SEED takes. */
const numRuns = Number(process.env.NEURITE_FUZZ_RUNS ?? 150);
const seed = process.env.NEURITE_FUZZ_SEED === undefined ? {} : { seed: Number(process.env.NEURITE_FUZZ_SEED) };
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
