import { readFileSync } from 'node:fs';
import { type Tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, expect, test } from 'vitest';
import * as optim from '../src/index.js';
import { parameter, setGrad, values } from './helpers.js';

/** Parameters, gradients of eight steps, and the parameters after each step as PyTorch 1.13 computed them. */
interface Fixture {
  sequences: Record<string, { params: { shape: number[]; data: number[] }[]; grads: number[][][] }>;
  cases: {
    id: string;
    op: string;
    kwargs: Record<string, unknown>;
    sequence: string;
    params_after: number[][][];
  }[];
}
const { sequences, cases } = JSON.parse(
  readFileSync(new URL('fixtures/optimizers.json', import.meta.url), 'utf8'),
) as Fixture;

type AnyOptimizer = optim.Optimizer<optim.BaseOptions>;
type Constructor = new (params: Iterable<Tensor>, options: object) => AnyOptimizer;

const camel = (kwargs: Record<string, unknown>): object =>
  Object.fromEntries(
    Object.entries(kwargs).map(([key, value]) => [
      key.replace(/_([a-z])/g, (_, l: string) => l.toUpperCase()),
      value,
    ]),
  );

beforeAll(async () => {
  await use(reference());
});

async function follow(
  optimizer: AnyOptimizer,
  params: readonly Tensor[],
  fixture: Fixture['cases'][number],
  from: number,
  to: number,
): Promise<void> {
  for (let step = from; step < to; step++) {
    params.forEach((param, i) => {
      setGrad(param, sequences[fixture.sequence].grads[step][i]);
    });
    await optimizer.step();
    for (const [i, param] of params.entries()) {
      const expected = fixture.params_after[step][i];
      (await values(param)).forEach((got, j) => {
        const error = Math.abs(got - expected[j]);
        expect(error, `step ${step}, parameter ${i}[${j}]: ${got} for ${expected[j]}`).toBeLessThanOrEqual(
          1e-6 + 1e-4 * Math.abs(expected[j]),
        );
      });
    }
  }
}

const build = (fixture: Fixture['cases'][number]): { optimizer: AnyOptimizer; params: Tensor[] } => {
  const params = sequences[fixture.sequence].params.map(({ shape, data }) =>
    parameter(data, undefined, shape),
  );
  const Optimizer = (optim as unknown as Record<string, Constructor>)[fixture.op];
  return { optimizer: new Optimizer(params, camel(fixture.kwargs)), params };
};

test.each(cases.map((c) => [`${c.id} ${JSON.stringify(c.kwargs)}`, c] as const))(
  '%s follows PyTorch',
  async (_, c) => {
    const { optimizer, params } = build(c);
    await follow(optimizer, params, c, 0, 8);
  },
);

test.each(cases.map((c) => [`${c.id} ${JSON.stringify(c.kwargs)}`, c] as const))(
  '%s goes on from a saved state',
  async (_, c) => {
    const first = build(c);
    await follow(first.optimizer, first.params, c, 0, 4);
    const second = build(c);
    for (const [i, param] of first.params.entries())
      second.params[i] = parameter(await values(param), undefined, param.shape);
    const resumed = new (first.optimizer.constructor as Constructor)(second.params, { lr: 123 });
    resumed.loadStateDict(first.optimizer.stateDict());
    await follow(resumed, second.params, c, 4, 8);
  },
);
