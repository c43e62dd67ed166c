/** Embeddings on the GPU: their gradients are scatters with a program of their own, also within a training step. */
import '@neurite/autograd';
import { webgpu } from '@neurite/backend-webgpu';
import { onAnyGpu } from '@neurite/browser';
import * as nn from '@neurite/nn';
import { Adam } from '@neurite/optim';
import { explain, manualSeed, type Tensor, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { expect, test } from 'vitest';

/** What `compute` gives on the GPU, with WebGPU's default limits, and on the reference backend. */
async function onBoth<T>(compute: () => Promise<T>): Promise<{ ours: T; theirs: T }> {
  const gpu = await use(onAnyGpu(webgpu({ limits: 'default' })), { log: false });
  const ours = await compute();
  await gpu.destroy();
  await use(reference(), { log: false });
  return { ours, theirs: await compute() };
}

const VOCABULARY = 37;
/** Some tokens often, some never. */
const tokens = Int32Array.from({ length: 120 }, (_, i) => (i * i) % VOCABULARY);
const targets = tokens.map((t) => (t * 3 + 1) % VOCABULARY);

class Words extends nn.Module {
  embedding = new nn.Embedding(VOCABULARY, 6);
  head = new nn.Linear(6, VOCABULARY);

  forward(index: Tensor): Tensor {
    return this.head(this.embedding(index));
  }
}

function start() {
  manualSeed(3);
  const model = new Words();
  const loss = (): Tensor =>
    new nn.CrossEntropyLoss()(
      model(tensor(tokens, { shape: [tokens.length] })),
      tensor(targets, { shape: [tokens.length] }),
    );
  return { model, loss };
}

test('the gradient of an embedding is a sorted scatter, with the values of the reference backend', async () => {
  const gradient = () => {
    const { model, loss } = start();
    loss().backward();
    return model.embedding.weight.grad!;
  };
  const { ours, theirs } = await onBoth(async () => {
    const { kernels } = await explain(gradient());
    const scatter = kernels.find(({ name }) => name.includes('indexScatter'))!;
    return { isTuned: scatter.specialized, values: [await gradient().data(), await gradient().data()] };
  });
  expect([ours.isTuned ?? false, theirs.isTuned ?? false]).toEqual([true, false]);
  expect(ours.values[1]).toEqual(ours.values[0]);
  expect([...ours.values[0]]).toEqual([...theirs.values[0]].map((x) => expect.closeTo(x, 6)));
});

test('a model with an embedding trains as on the reference backend', async () => {
  const { ours, theirs } = await onBoth(async () => {
    const { model, loss } = start();
    const optimizer = new Adam(model.parameters(), { lr: 0.05 });
    const losses: number[] = [];
    for (let step = 0; step < 6; step++) {
      optimizer.zeroGrad();
      const value = loss();
      value.backward();
      await optimizer.step();
      losses.push(await value.item());
    }
    return losses;
  });
  expect(ours).toEqual(theirs.map((x) => expect.closeTo(x, 4)));
  expect(ours[5]).toBeLessThan(ours[0]);
});
