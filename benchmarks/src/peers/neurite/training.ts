/** Our training steps. */
import {
  BatchNorm2d,
  Conv2d,
  Flatten,
  functional,
  Linear,
  MaxPool2d,
  Module,
  Parameter,
  ReLU,
  Sequential,
  Tanh,
} from '@neurite/nn';
import { Adam, SGD } from '@neurite/optim';
import { stack, type Tensor } from '@neurite/tensor';
import type { Case } from '../../case.js';
import type { Inputs } from '../../inputs.js';
import { LSTM, TRAINING, UPDATED } from '../../rows/training.js';
import { classifier, setParameters, training, withGradients } from './cases.js';
import { finish, load } from './forward.js';

const { lr, beta1, beta2, eps } = TRAINING.adam;
const adam = (parameters: Parameter[]) => new Adam(parameters, { lr, betas: [beta1, beta2], eps });

export function mlpStep(inputs: Inputs): Case {
  const model = new Sequential(
    new Linear(784, 512),
    new ReLU(),
    new Linear(512, 256),
    new ReLU(),
    new Linear(256, 10),
  );
  return classifier(inputs, model, adam);
}

export function cnnStep(inputs: Inputs): Case {
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
  return classifier(inputs, model, (parameters) => new SGD(parameters, TRAINING.sgd));
}

/** Composed from operations; the products with the inputs are one for all steps. */
export function lstm(inputs: Inputs): Case {
  const { hidden, length } = LSTM;
  return withGradients(inputs, ([x, weightIh, weightHh, biasIh, biasHh]) => {
    const fromInputs = functional.linear(x, weightIh, biasIh.add(biasHh));
    const outputs: Tensor[] = [];
    let h: Tensor | undefined;
    let c: Tensor | undefined;
    for (let t = 0; t < length; t++) {
      const own = fromInputs.select(0, t);
      const gates = h ? own.add(functional.linear(h, weightHh)) : own;
      const [i, f, cell, o] = gates.split(hidden, 1);
      const fresh = i.sigmoid().mul(cell.tanh());
      c = c ? f.sigmoid().mul(c).add(fresh) : fresh;
      h = o.sigmoid().mul(c.tanh());
      outputs.push(h);
    }
    return stack(outputs);
  });
}

class ResidualBlock extends Module {
  conv1 = new Conv2d(64, 64, 3, { padding: 1, bias: false });
  bn1 = new BatchNorm2d(64);
  conv2 = new Conv2d(64, 64, 3, { padding: 1, bias: false });
  bn2 = new BatchNorm2d(64);

  forward(x: Tensor): Tensor {
    const inner = this.bn1(this.conv1(x)).relu();
    return this.bn2(this.conv2(inner)).add(x).relu();
  }
}

export function resnetStep(inputs: Inputs): Case {
  const model = new ResidualBlock();
  const [x, y] = [load(inputs.x), load(inputs.y)];
  return training({
    optimizer: new SGD(setParameters(model, inputs), TRAINING.resnet),
    loss: () => functional.mseLoss(model(x), y),
    output: () => model(x),
  });
}

export function adamUpdate(inputs: Inputs): Case {
  const indices = Array.from({ length: UPDATED.count }, (_, i) => i);
  const parameters = indices.map((i) => new Parameter(load(inputs[`parameter${i}`])));
  const gradients = indices.map((i) => load(inputs[`gradient${i}`]));
  const optimizer = adam(parameters);
  const run = async (): Promise<void> => {
    for (const [i, parameter] of parameters.entries()) parameter.grad = gradients[i];
    await optimizer.step();
  };
  return {
    async run() {
      await run();
      await finish(parameters[0]);
    },
    async check() {
      for (let i = 0; i < TRAINING.checkedSteps; i++) await run();
      return Promise.all(parameters.map(async (p) => Float32Array.from(await p.data())));
    },
  };
}

export function tinyStep(inputs: Inputs): Case {
  const model = new Sequential(new Linear(2, 8), new Tanh(), new Linear(8, 1));
  const [x, y] = [load(inputs.x), load(inputs.y)];
  return training({
    optimizer: new SGD(setParameters(model, inputs), TRAINING.tiny),
    loss: () => functional.mseLoss(model(x) as Tensor, y),
    output: () => model(x) as Tensor,
  });
}
