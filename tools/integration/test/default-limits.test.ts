/** Training on a GPU that has no more than WebGPU's default limits takes the way that it takes on the CPU. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import { webgpu } from '@neurite/backend-webgpu';
import { onAnyGpu } from '@neurite/browser';
import * as nn from '@neurite/nn';
import { Adam, type Optimizer, SGD } from '@neurite/optim';
import { type BackendFactory, manualSeed, randint, randn, type Tensor, use } from '@neurite/tensor';
import { expect, test } from 'vitest';

type Model = nn.Module & ((x: Tensor) => Tensor);
interface Training {
  readonly shape: number[];
  model(): Model;
  optimizer(model: Model): Optimizer;
}

const trainings: Record<string, Training> = {
  'an MLP with Adam': {
    shape: [8, 12],
    model: () =>
      new nn.Sequential(
        ...Array.from({ length: 2 }, () => [
          new nn.Linear(12, 12),
          new nn.LayerNorm(12),
          new nn.GELU(),
        ]).flat(),
      ) as Model,
    optimizer: (model) => new Adam(model.parameters(), { lr: 0.01, amsgrad: true }),
  },
  'a convolutional net with SGD': {
    shape: [4, 1, 8, 8],
    model: () =>
      new nn.Sequential(
        new nn.Conv2d(1, 4, 3, { padding: 1 }),
        new nn.BatchNorm2d(4),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Conv2d(4, 8, 3, { padding: 1 }),
        new nn.ReLU(),
        new nn.Flatten(),
        new nn.Linear(128, 12),
      ) as Model,
    optimizer: (model) => new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 }),
  },
};

async function losses(factory: BackendFactory, { shape, model: make, optimizer: withModel }: Training) {
  const device = await use(factory, { log: false });
  manualSeed(3);
  const model = make();
  const optimizer = withModel(model);
  const x = randn(shape);
  const y = randint(0, 12, [shape[0]]);
  const found: number[] = [];
  for (let step = 0; step < 3; step++) {
    optimizer.zeroGrad();
    const loss = new nn.CrossEntropyLoss()(model(x), y);
    loss.backward();
    await optimizer.step();
    found.push(await loss.item());
  }
  const { maxBuffers } = device.backend.capabilities;
  await device.destroy();
  return { found, maxBuffers };
}

test.each(Object.keys(trainings))('%s', async (name) => {
  const expected = await losses(cpu(), trainings[name]);
  const { found, maxBuffers } = await losses(onAnyGpu(webgpu({ limits: 'default' })), trainings[name]);
  expect(maxBuffers).toBe(8);
  expect(found[2]).toBeLessThan(found[0]);
  found.forEach((loss, i) => expect(loss).toBeCloseTo(expected.found[i], 3));
});
