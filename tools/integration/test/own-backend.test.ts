/** A new backend needs no change to any package: it passes the test kit and trains the network that the others train. */
import '@neurite/autograd';
import * as nn from '@neurite/nn';
import { Adam } from '@neurite/optim';
import { type BackendFactory, manualSeed, randint, randn, type Tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { describeGraphs, describeKernels } from '@neurite/tensor/testkit';
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

async function lossesOn(factory: BackendFactory): Promise<number[]> {
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
  for (let step = 0; step < 60; step++) {
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
    const [own, wanted] = [await lossesOn(mine()), await lossesOn(reference())];
    own.forEach((loss, step) => {
      expect(Math.abs(loss - wanted[step]), `step ${step}: ${loss}, reference ${wanted[step]}`).toBeLessThan(
        1e-3,
      );
    });
    expect(own[59]).toBeLessThan(0.1 * own[0]);
  });
});
