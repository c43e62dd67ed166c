/** A new backend needs no change to any package: it passes the test kit and trains the network that the others train. */
import '@neurite/autograd';
import * as nn from '@neurite/nn';
import { Adam, SGD } from '@neurite/optim';
import {
  affineOf,
  type BackendFactory,
  type Command,
  type DeviceBuffer,
  explain,
  type Kernel,
  manualSeed,
  ones,
  type Program,
  profile,
  randint,
  randn,
  realize,
  resetStats,
  stats,
  type Tensor,
  type Timings,
  tensor,
  use,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { createGraphChecker, describeGraphs, describeKernels } from '@neurite/tensor/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mine } from './own-backend.js';

const runner = { describe, it, expect };

await describeKernels('mine', async () => (await mine().start()).backend, runner);

/** The minimal standard generator of Park and Miller: a seed, so that a failure comes again. */
function parkMiller(state: number): () => number {
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
describeGraphs('mine', mine(), runner, { random: parkMiller(42), runs: 100 });

it('agrees with the reference backend on random graphs that shrink', async () => {
  const checker = await createGraphChecker({ mine: [mine()], unfused: [mine(), { fusion: false }] });
  const graphs = fc.asyncProperty(fc.gen(), async (generate) => {
    expect(await checker.check((count) => generate(fc.nat, count - 1))).toBe('');
  });
  await fc.assert(graphs, { numRuns: 50 });
  await checker.destroy();
});

/** Compiles like a backend whose programs take time. */
const patient: BackendFactory = {
  name: 'patient',
  async start() {
    const { backend, notes } = await mine().start();
    return { backend: { ...backend, compile: async (kernel) => backend.compile(kernel) }, notes };
  },
};

/** With a clock of its own. */
const clocked: BackendFactory = {
  name: 'clocked',
  async start() {
    const { backend, notes } = await mine().start();
    const measure = async (commands: readonly Command[]): Promise<Timings> => {
      const nanoseconds = commands.map((command) => {
        const start = performance.now();
        backend.submit([command]);
        return (performance.now() - start) * 1e6;
      });
      return { nanoseconds, resolution: 1000 };
    };
    return { backend: { ...backend, measure }, notes };
  },
};

/** Products of float32 matrices that are stored as they are: rows of the result grow by multiples of rows of `rhs`. */
function specialize(kernel: Kernel): Program | undefined {
  const [{ outer, phases, contraction }] = kernel.nests;
  const [store, ...others] = phases.slice(1).flatMap((phase) => phase.stores);
  if (contraction?.op !== 'matmul' || contraction.batch.length > 0 || others.length > 0) return undefined;
  const target = affineOf(store.index);
  const isPlain = store.value.kind === 'acc' && store.mode === 'set' && !store.guard;
  if (!target || !isPlain || store.value.dtype !== 'float32') return undefined;
  const [down, along] = outer.map(({ variable }) => target.terms.get(variable) ?? 0);
  const { m, n, k, lhs, rhs } = contraction;
  const run = ({ buffers }: Command) => {
    const [a, b, out] = [lhs, rhs, store].map(({ buffer: i }) => {
      const { data } = buffers[i].buffer as DeviceBuffer & { data: ArrayBuffer };
      return new Float32Array(data, buffers[i].byteOffset, kernel.buffers[i].size);
    });
    const sums = new Float64Array(n);
    for (let row = 0; row < m; row++) {
      sums.fill(0);
      for (let j = 0; j < k; j++) {
        const factor = a[lhs.offset + row * lhs.strides.m + j * lhs.strides.k];
        const start = rhs.offset + j * rhs.strides.k;
        for (let i = 0; i < n; i++) sums[i] += factor * b[start + i * rhs.strides.n];
      }
      for (let i = 0; i < n; i++) out[target.constant + row * down + i * along] = sums[i];
    }
  };
  return { kernel, source: `${run}`, specialized: true, run } as Program;
}

const tuned: BackendFactory = {
  name: 'tuned',
  async start() {
    const { backend, notes } = await mine().start();
    return { backend: { ...backend, specialize }, notes };
  },
};

await describeKernels('tuned', async () => (await tuned.start()).backend, runner);

async function lossesOn(factory: BackendFactory, steps: number): Promise<number[]> {
  const device = await use(factory, { log: false });
  manualSeed(7);
  const model = new nn.Sequential(
    new nn.Linear(49, 32),
    new nn.ReLU(),
    new nn.Dropout(0.1),
    new nn.Linear(32, 16),
    new nn.Tanh(),
    new nn.Linear(16, 10),
  );
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });
  const criterion = new nn.CrossEntropyLoss();
  const x: Tensor = randn([24, 49]);
  const y = randint(0, 10, [24]);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    optimizer.zeroGrad();
    const loss = criterion(model(x), y);
    loss.backward();
    await optimizer.step();
    losses.push(await loss.item());
  }
  await device.destroy();
  return losses;
}

describe('a backend in one file', () => {
  it('trains an MLP with dropout and Adam to the losses of the reference backend', async () => {
    const [own, wanted] = [await lossesOn(mine(), 60), await lossesOn(reference(), 60)];
    own.forEach((loss, step) => {
      expect(Math.abs(loss - wanted[step]), `step ${step}: ${loss}, reference ${wanted[step]}`).toBeLessThan(
        1e-3,
      );
    });
    expect(own[59]).toBeLessThan(0.1 * own[0]);
  });

  it('may compile asynchronously', async () => {
    expect(await lossesOn(patient, 5)).toEqual(await lossesOn(mine(), 5));
  });

  it('can be checked kernel by kernel', async () => {
    const device = await use(mine(), { validateWith: reference(), log: false });
    const x = randn([5, 7]);
    const probabilities = x
      .matmul(randn([7, 4]))
      .tanh()
      .softmax(1);
    const sums = await probabilities.sum(1).data();
    sums.forEach((sum) => expect(sum).toBeCloseTo(1, 5));
    await device.destroy();
  });

  it('leaves a dtype that it does not have to the host, also in the middle of a kernel, and says so', async () => {
    const device = await use(mine(), { log: false });
    expect(device.report).toBe('neurite: using mine (plain JavaScript, float16 on the host)');
    resetStats();
    const halves = tensor([1, 2.0009, 70000]).to('float16').mul(3).to('float32').add(1);
    // Between 2 and 2 + 2⁻⁹, float16's next number, 2.0009 is nearer to 2; 70000 is beyond float16's largest number.
    expect([...(await halves.data())]).toEqual([4, 7, Number.POSITIVE_INFINITY]);
    expect(stats().hostStepsRun).toBe(1);
    const weight = new nn.Parameter(tensor([1, 2]).to('float16'));
    const optimizer = new SGD([weight], { lr: 0.5 });
    weight
      .mul(tensor([2, 4]).to('float16'))
      .sum()
      .backward();
    await optimizer.step();
    expect([...(await weight.to('float32').data())]).toEqual([0, 0]);
    await device.destroy();
  });

  it('is profiled by the clock of the host, or by its own', async () => {
    for (const [factory, kind] of [
      [mine(), 'host'],
      [clocked, 'device'],
    ] as const) {
      const device = await use(factory, { log: false });
      const product = () =>
        ones([5, 7])
          .matmul(ones([7, 4]))
          .softmax(1);
      const report = await profile(product);
      expect(report.clocks).toMatchObject([{ device: 'mine', kind }]);
      const names = (await explain(product())).kernels.map(({ name }) => name);
      expect(report.kernels.map(({ name }) => name).sort()).toEqual(names.sort());
      expect(report.kernelTime).toBeGreaterThan(0);
      expect(report.kernelTime).toBeLessThanOrEqual(report.wallTime);
      await device.destroy();
    }
  });

  it('may run tuned programs in place of the loops', async () => {
    const device = await use(tuned, { log: false });
    const [x, weight] = [randn([5, 7]), randn([4, 7])];
    const products = [x.matmul(weight.T), weight.matmul(x.slice(0, 1, 4).T).mul(2)];
    const isTuned = await Promise.all(
      products.map(async (p) => (await explain(p)).kernels.at(-1)!.specialized),
    );
    expect(isTuned).toEqual([true, false]);
    await device.destroy();

    const checked = await use(tuned, { validateWith: reference(), log: false });
    const [a, b] = [randn([5, 7]), randn([4, 7])];
    await realize(a.matmul(b.T), b.slice(1, 0, null, 2).matmul(a.T.slice(0, 0, 4)), a.T.matmul(a));
    await checked.destroy();
  });

  it('explains what it generates', async () => {
    await use(mine(), { log: false });
    const x = tensor([3, 1, 2]);
    const plan = await explain(x.softmax(0));
    expect(plan.kernels).toHaveLength(1);
    expect(plan.kernels[0].source).toContain('Math.exp');
  });
});
