/** What our rows with gradients have in common. */
import type { Module, Parameter } from '@neurite/nn';
import { CrossEntropyLoss } from '@neurite/nn';
import type { Optimizer } from '@neurite/optim';
import { noGrad, realize, type Tensor } from '@neurite/tensor';
import type { Case } from '../../case.js';
import type { Inputs } from '../../inputs.js';
import { TRAINING } from '../../rows/training.js';
import { finish, load, maybeCompiled, numbers } from './forward.js';

/** The loss Σ y·g and the gradients of all inputs but `g`. */
export function withGradients(inputs: Inputs, compute: (leaves: Tensor[]) => Tensor): Case {
  const { g, ...rest } = inputs;
  const upstream = load(g);
  const leaves = Object.values(rest).map((input) => load(input).requiresGrad_());
  const step = maybeCompiled(async (): Promise<{ y: Tensor; loss: Tensor }> => {
    for (const leaf of leaves) leaf.grad = null;
    const y = compute(leaves);
    const loss = y.mul(upstream).sum();
    loss.backward();
    await realize(loss, ...leaves.map((leaf) => leaf.grad!));
    return { y, loss };
  });
  return {
    run: async () => finish((await step()).loss),
    check: async () => {
      const { y } = await step();
      return Promise.all([y, ...leaves.map((leaf) => leaf.grad!)].map(numbers));
    },
  };
}

interface Training {
  readonly optimizer: Optimizer;
  readonly loss: () => Tensor;
  /** What is compared after the checked steps. */
  readonly output: () => Tensor;
}

export function training({ optimizer, loss, output }: Training): Case {
  const update = maybeCompiled(async (): Promise<Tensor> => {
    optimizer.zeroGrad();
    const value = loss();
    value.backward();
    await optimizer.step();
    return value;
  });
  const step = async (): Promise<number> => (await update()).item();
  return {
    run: async () => {
      await step();
    },
    async check() {
      const losses: number[] = [];
      for (let i = 0; i < TRAINING.checkedSteps; i++) losses.push(await step());
      return [Float32Array.from(losses), await numbers(noGrad(output))];
    },
  };
}

/** Gives a model the inputs whose names have a dot as its parameters, in the order of registration. */
export function setParameters(model: Module, inputs: Inputs): Parameter[] {
  const values = Object.entries(inputs).filter(([name]) => name.includes('.'));
  const own = model.namedParameters();
  model.loadStateDict(Object.fromEntries(own.map(([key], i) => [key, load(values[i][1])])), {
    strict: false,
  });
  return model.parameters();
}

/** A classifier of `x` into the classes `labels`. */
export function classifier(
  inputs: Inputs,
  model: Module & ((x: Tensor) => Tensor),
  optimizer: (parameters: Parameter[]) => Optimizer,
): Case {
  const x = load(inputs.x);
  const y = load(inputs.labels);
  const criterion = new CrossEntropyLoss();
  return training({
    optimizer: optimizer(setParameters(model, inputs)),
    loss: () => criterion(model(x), y),
    output: () => model(x),
  });
}
