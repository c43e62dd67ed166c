/** Training runs that PyTorch computed, done again on the default device: in Node or in a page. */
import '@neurite/autograd';
import { readIdx } from '@neurite/data';
import * as nn from '@neurite/nn';
import { Adam, type Optimizer, SGD } from '@neurite/optim';
import { type Tensor, tensor } from '@neurite/tensor';

const F = nn.functional;

/** What PyTorch did, from `run.json`. */
export interface Run {
  readonly optimizer: [string, Record<string, number>];
  readonly order: number[][];
  readonly losses: number[];
  readonly params: Record<string, { $t: [number, string, number[]] }>;
  readonly final_sum_and_norm: Record<string, [number, number]>;
}

/** What came of it here. */
export interface Trajectory {
  readonly losses: number[];
  /** Sum, 2-norm and number of elements of each parameter at the end. */
  readonly params: Record<string, [sum: number, norm: number, size: number]>;
}

/** Reads a file of the folders `trajectories` and `mnist`. */
export type Read = (path: string) => Promise<Uint8Array>;

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

const MODELS = { 'mlp-sgd-momentum': MLP, 'lenet-adam': LeNet };

export type TrajectoryName = keyof typeof MODELS;

export const readRun = async (name: TrajectoryName, read: Read): Promise<Run> =>
  JSON.parse(new TextDecoder().decode(await read(`trajectories/${name}/run.json`))) as Run;

type Batch = (rows: readonly number[]) => [Tensor, Tensor];

async function openBatches(read: Read): Promise<Batch> {
  const images = (await readIdx(await read('mnist/train-images-idx3-ubyte'))).data as Uint8Array;
  const labels = (await readIdx(await read('mnist/train-labels-idx1-ubyte'))).data as Uint8Array;
  return (rows) => {
    const x = new Float32Array(rows.length * 784);
    const y = new Int32Array(rows.length);
    rows.forEach((row, i) => {
      for (let k = 0; k < 784; k++) x[i * 784 + k] = images[row * 784 + k] / 255;
      y[i] = labels[row];
    });
    return [tensor(x, { shape: [rows.length, 1, 28, 28] }), tensor(y, { shape: [rows.length] })];
  };
}

async function loadModel(name: TrajectoryName, { params }: Run, read: Read): Promise<MLP | LeNet> {
  const bytes = new Uint8Array(await read(`trajectories/${name}/params.bin`)).buffer;
  const model = new MODELS[name]();
  const state = Object.entries(params).map(([key, { $t }]) => {
    const [offset, , shape] = $t;
    const size = shape.reduce((p, s) => p * s, 1);
    return [key, tensor(new Float32Array(bytes, offset, size), { shape })];
  });
  model.loadStateDict(Object.fromEntries(state));
  return model;
}

/** Trains for some steps from PyTorch's weights on PyTorch's batches. */
export async function follow(name: TrajectoryName, steps: number, read: Read): Promise<Trajectory> {
  const run = await readRun(name, read);
  const batch = await openBatches(read);
  const model = await loadModel(name, run, read);
  const [kind, options] = run.optimizer;
  const optimizer: Optimizer =
    kind === 'Adam'
      ? new Adam(model.parameters(), options)
      : new SGD(model.parameters(), options as { lr: number });
  const criterion = new nn.CrossEntropyLoss();
  const losses: number[] = [];
  for (const rows of run.order.slice(0, steps)) {
    const [x, y] = batch(rows);
    optimizer.zeroGrad();
    const loss = criterion(model(x), y);
    loss.backward();
    await optimizer.step();
    losses.push(await loss.item());
  }
  const params: Trajectory['params'] = {};
  for (const [key, parameter] of model.namedParameters()) {
    const values = await parameter.data();
    let sum = 0;
    let square = 0;
    for (const v of values) {
      sum += v;
      square += v * v;
    }
    params[key] = [sum, Math.sqrt(square), values.length];
  }
  return { losses, params };
}
