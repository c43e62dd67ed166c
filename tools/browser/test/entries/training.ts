/** A small network trained from a seed: what Node and every kind of page must agree on to the bit. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import * as nn from '@neurite/nn';
import { Adam } from '@neurite/optim';
import { manualSeed, ones, randint, randn, type Tensor, use } from '@neurite/tensor';

const BATCH = 64;
const FEATURES = 64;
const CLASSES = 10;

function createModel(): nn.Module & ((x: Tensor) => Tensor) {
  return new nn.Sequential(
    new nn.Linear(FEATURES, 256),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(256, 128),
    new nn.GELU(),
    new nn.Linear(128, CLASSES),
  ) as nn.Module & ((x: Tensor) => Tensor);
}

const valuesOf = async (t: Tensor): Promise<number[]> => Array.from(await t.data());

/** Starts the CPU backend, with its own choice of threads or a given one, and trains for some steps. */
export async function train(steps: number, threads?: number) {
  let line = '';
  const device = await use(cpu({ threads }), {
    log: (text) => {
      line = text;
    },
  });
  manualSeed(11);
  const mask = await valuesOf(nn.functional.dropout(ones([1000]), 0.3));
  const classes = randint(0, CLASSES, [BATCH]);
  const model = createModel();
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  const criterion = new nn.CrossEntropyLoss();
  const batch = randn([BATCH, FEATURES]);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    optimizer.zeroGrad();
    const loss = criterion(model(batch), classes);
    loss.backward();
    await optimizer.step();
    losses.push(await loss.item());
  }
  const weights: number[][] = [];
  for (const p of model.parameters()) weights.push(await valuesOf(p));
  const labels = await valuesOf(classes);
  await device.destroy();
  return { line, mask, labels, losses, weights };
}

/** Threads that the platform runs at the same time. */
export const parallelism = (): number => navigator.hardwareConcurrency;
