/** Recurrent networks: one weight at each step, slices of a sequence in, a stack of states out. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import { functional } from '@neurite/nn';
import {
  type BackendFactory,
  cat,
  type Device,
  explain,
  manualSeed,
  randn,
  realize,
  resetStats,
  stack,
  stats,
  type Tensor,
  tensor,
  use,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeEach, describe, expect, it } from 'vitest';

const LENGTH = 6;
const BATCH = 4;
const HIDDEN = 8;

/** An LSTM with the gates in PyTorch's order; from the inputs' part of the gates for all steps. */
function lstm(x: Tensor, [weightIh, weightHh, bias]: readonly Tensor[], isReversed = false): Tensor {
  const fromInputs = functional.linear(x, weightIh, bias);
  const outputs: Tensor[] = [];
  let h: Tensor = x.select(0, 0).mul(0).slice(1, 0, 1).expand([BATCH, HIDDEN]);
  let c: Tensor = h;
  for (let t = 0; t < LENGTH; t++) {
    const gates = fromInputs.select(0, isReversed ? LENGTH - 1 - t : t).add(functional.linear(h, weightHh));
    const [i, f, cell, o] = gates.split(HIDDEN, 1);
    c = f.sigmoid().mul(c).add(i.sigmoid().mul(cell.tanh()));
    h = o.sigmoid().mul(c.tanh());
    outputs.push(h);
  }
  return stack(isReversed ? outputs.reverse() : outputs);
}

let numbers: Float32Array[];
const shapes = [[LENGTH, BATCH, 5], [4 * HIDDEN, 5], [4 * HIDDEN, HIDDEN], [4 * HIDDEN]] as const;

beforeEach(async () => {
  await use(reference(), { log: false });
  manualSeed(3);
  numbers = await Promise.all(shapes.map(async (shape) => Float32Array.from(await randn(shape).data())));
});

/** Loss, output and gradients of everything. */
async function train(device: Device, isReversed: boolean): Promise<number[][]> {
  const leaves = shapes.map((shape, i) => tensor(numbers[i], { shape, device, requiresGrad: true }));
  const [x, ...weights] = leaves;
  const y = lstm(x, weights, isReversed);
  const loss = y.square().sum();
  loss.backward();
  const wanted = [loss, y, ...leaves.map((leaf) => leaf.grad!)];
  await realize(...wanted);
  return Promise.all(wanted.map(async (t) => Array.from(await t.data())));
}

describe.each([false, true])('an LSTM, backwards: %s', (isReversed) => {
  it('has the same gradients, fused or not', async () => {
    const start = (factory: BackendFactory, options = {}) => use(factory, { ...options, log: false });
    const expected = await train(await start(reference(), { fusion: false }), isReversed);
    const ways = {
      reference: await start(reference()),
      'reference of 8 buffers': await start(reference({ maxBuffers: 8, arena: false })),
      'reference of 4 buffers': await start(reference({ maxBuffers: 4 })),
      cpu: await start(cpu(), { validateWith: reference() }),
      'cpu with 3 threads': await start(cpu({ threads: 3, minParallelWork: 0 })),
    };
    for (const [name, device] of Object.entries(ways)) {
      const made = await train(device, isReversed);
      made.forEach((values, k) => {
        values.forEach((v, i) => expect(v, `${name}: result ${k}`).toBeCloseTo(expected[k][i], 4));
      });
      await device.destroy();
    }
  });

  it('takes two kernels per step forward and one backward', async () => {
    const device = await use(cpu({ threads: 1 }), { log: false });
    await train(device, isReversed);
    resetStats();
    await train(device, isReversed);
    // Beside the steps: the inputs' products and their gradients, that of the hidden weight, the sums for bias and loss.
    expect(stats().kernelsRun).toBeLessThanOrEqual(3 * LENGTH + 9);
    await device.destroy();
  });
});

describe('sums of products', () => {
  const pairs = () =>
    Promise.all(
      Array.from({ length: 5 }, async () =>
        Promise.all(
          [randn([3, 6]), randn([3, 4])].map(async (t) => tensor(await t.data(), { shape: t.shape })),
        ),
      ),
    );
  const products = (all: readonly (readonly Tensor[])[]) => all.map(([x, g]) => x.T.matmul(g));
  const total = (terms: readonly Tensor[]) => terms.reduce((a, b) => a.add(b));
  const kernels = async (t: Tensor) => (await explain(t)).kernels.map((k) => k.name);
  const unfused = async (t: (all: Tensor[][]) => Tensor, all: Tensor[][]) => {
    const device = await use(reference(), { fusion: false, log: false });
    const values = Array.from(await t(all.map((pair) => pair.map((p) => p.to(device)))).data());
    await use(reference(), { log: false });
    return values;
  };
  const check = async (make: (all: Tensor[][]) => Tensor): Promise<Tensor> => {
    const all = await pairs();
    const expected = await unfused(make, all);
    const values = Array.from(await make(all).data());
    values.forEach((v, i) => expect(v).toBeCloseTo(expected[i], 4));
    return make(all);
  };

  it('are one product', async () => {
    expect(await kernels(await check((all) => total(products(all))))).toEqual(['copy', 'matmul']);
  });

  it('are one product and what else there is', async () => {
    const made = await check((all) => total([all[0][0].T.slice(1, 0, 1).expand([6, 4]), ...products(all)]));
    expect(await kernels(made)).toEqual(['copy', 'matmul_add']);
  });

  it('are one product where they are transposed', async () => {
    const made = await check((all) => total(products(all).map((p) => p.T)));
    expect(await kernels(made)).toEqual(['copy', 'matmul_copy']);
  });

  it('read what is joined already, in whatever order', async () => {
    const made = await check((all) => {
      const sines = all.map((pair) => pair.map((t) => t.sin()));
      const xs = cat(sines.map(([x]) => x));
      const gs = stack([...sines.map(([, g]) => g), all[0][1]]);
      const sum = total(products([4, 2, 3, 1].map((i) => sines[i])));
      return total([sum, xs.sum(), gs.sum()]);
    });
    const { kernels: found } = await explain(made);
    const [product, ...others] = found.filter((k) => k.name.includes('matmul'));
    expect(others).toEqual([]);
    // Behind the first part of each concatenation, and that of g has a part more.
    expect(product.loops).toMatch(/k 12, lhs in\d\+18 \{.*\}, rhs in\d\+12 \{/);
  });

  it('do not wait for a concatenation that waits for them', async () => {
    await check((all) => {
      const sines = all.map((pair) => pair.map((t) => t.sin()));
      const sum = total(products(sines));
      return cat([...sines.map(([x]) => x), sum.T.tanh()]);
    });
  });
});
