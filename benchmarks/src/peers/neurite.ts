/** Our own rows, written as a user would. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import {
  Conv2d,
  CrossEntropyLoss,
  Flatten,
  functional,
  Linear,
  MaxPool2d,
  type Module,
  ReLU,
  Sequential,
} from '@neurite/nn';
import { Adam, type Optimizer, SGD } from '@neurite/optim';
import { realize, type Tensor, tensor, use } from '@neurite/tensor';
import type { Case, PeerRows } from '../case.js';
import type { Input, Inputs } from '../inputs.js';
import { ADDITIONS, TRAINING } from '../rows.js';

await use(cpu(), { log: false });

const load = ({ data, shape }: Input): Tensor => tensor(data, { shape });

function forward(compute: () => Tensor): Case {
  return {
    run: () => realize(compute()),
    check: async () => [Float32Array.from(await compute().data())],
  };
}

/** Sets a model's parameters, which carry the inputs' numbers in the order of registration. */
function training(
  inputs: Inputs,
  model: Module & ((x: Tensor) => Tensor),
  optimizer: (m: Module) => Optimizer,
): Case {
  const x = load(inputs.x);
  const y = load(inputs.labels);
  const names = Object.keys(inputs).filter((name) => name.includes('.'));
  model.loadStateDict(
    Object.fromEntries(Object.keys(model.stateDict()).map((key, i) => [key, load(inputs[names[i]])])),
  );
  const criterion = new CrossEntropyLoss();
  const updates = optimizer(model);
  const step = async (): Promise<number> => {
    updates.zeroGrad();
    const loss = criterion(model(x), y);
    loss.backward();
    await updates.step();
    return loss.item();
  };
  return {
    run: async () => {
      await step();
    },
    async check() {
      const losses: number[] = [];
      for (let i = 0; i < TRAINING.checkedSteps; i++) losses.push(await step());
      return [Float32Array.from(losses), Float32Array.from(await model(x).data())];
    },
  };
}

function matmul(inputs: Inputs): Case {
  const [a, b] = [load(inputs.a), load(inputs.b)];
  return forward(() => a.matmul(b));
}

function sum(inputs: Inputs, dim?: number): Case {
  const x = load(inputs.x);
  return forward(() => (dim === undefined ? x.sum() : x.sum(dim)));
}

export const rows: PeerRows = {
  'matmul-256': matmul,
  'matmul-512': matmul,
  'matmul-1024': matmul,
  chain(inputs) {
    const x = load(inputs.x);
    return forward(() => functional.gelu(x.mul(1.5).add(0.5), { approximate: 'tanh' }).mul(x.sigmoid()));
  },
  softmax(inputs) {
    const x = load(inputs.x);
    return forward(() => x.softmax(1));
  },
  'layer-norm'(inputs) {
    const [x, weight, bias] = [load(inputs.x), load(inputs.weight), load(inputs.bias)];
    return forward(() => functional.layerNorm(x, [768], weight, bias));
  },
  'sum-all': (inputs) => sum(inputs),
  'sum-dim0': (inputs) => sum(inputs, 0),
  'sum-dim1': (inputs) => sum(inputs, 1),
  'mlp-step'(inputs) {
    const { lr, beta1, beta2, eps } = TRAINING.adam;
    const model = new Sequential(
      new Linear(784, 512),
      new ReLU(),
      new Linear(512, 256),
      new ReLU(),
      new Linear(256, 10),
    );
    return training(inputs, model, (m) => new Adam(m.parameters(), { lr, betas: [beta1, beta2], eps }));
  },
  'cnn-step'(inputs) {
    const model = new Sequential(
      new Conv2d(1, 16, 5, { padding: 2 }),
      new ReLU(),
      new MaxPool2d(2),
      new Conv2d(16, 32, 5, { padding: 2 }),
      new ReLU(),
      new MaxPool2d(2),
      new Flatten(),
      new Linear(1568, 10),
    );
    return training(inputs, model, (m) => new SGD(m.parameters(), TRAINING.sgd));
  },
  additions(inputs) {
    const [start, y] = [load(inputs.x), load(inputs.y)];
    return forward(() => {
      let x = start;
      for (let i = 0; i < ADDITIONS; i++) x = x.add(y);
      return x;
    });
  },
};
