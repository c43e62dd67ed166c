/** A training step under `profile`, and the same without. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import { webgpu } from '@neurite/backend-webgpu';
import * as nn from '@neurite/nn';
import { Adam } from '@neurite/optim';
import {
  type BackendFactory,
  manualSeed,
  type Profile,
  profile,
  randint,
  randn,
  type Tensor,
  use,
} from '@neurite/tensor';

/** Two networks, small enough for a software adapter. */
const NETWORKS = {
  mlp: () => ({
    model: new nn.Sequential(new nn.Linear(20, 16), new nn.ReLU(), new nn.Linear(16, 4)),
    input: [8, 20],
  }),
  conv: () => ({
    model: new nn.Sequential(
      new nn.Conv2d(1, 3, 3),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Flatten(),
      new nn.Linear(27, 4),
    ),
    input: [4, 1, 8, 8],
  }),
};

/** What came of some steps: losses, and all parameters in one row. */
export interface Outcome {
  readonly losses: readonly number[];
  readonly parameters: readonly number[];
}

async function train(
  network: keyof typeof NETWORKS,
  around: (step: () => Promise<void>) => Promise<void>,
): Promise<Outcome> {
  manualSeed(3);
  const { model, input } = NETWORKS[network]();
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });
  const [x, y] = [randn(input), randint(0, 4, [input[0]])];
  const losses: number[] = [];
  for (let i = 0; i < 4; i++)
    await around(async () => {
      optimizer.zeroGrad();
      const loss = new nn.CrossEntropyLoss()(model(x) as Tensor, y);
      loss.backward();
      await optimizer.step();
      losses.push(await loss.item());
    });
  const values = await Promise.all(model.parameters().map((p) => p.data()));
  return { losses, parameters: values.flatMap((v) => [...v]) };
}

export interface Profiled {
  readonly plain: Outcome;
  readonly profiled: Outcome;
  readonly reports: readonly Profile[];
  readonly tables: readonly string[];
  readonly traces: readonly string[];
}

/** Trains with and without `profile`. */
export async function profileOn(factory: BackendFactory, network: keyof typeof NETWORKS): Promise<Profiled> {
  const device = await use(factory, { log: false });
  const plain = await train(network, (step) => step());
  const reports: Profile[] = [];
  const profiled = await train(network, async (step) => {
    reports.push(await profile(step));
  });
  await device.destroy();
  return {
    plain,
    profiled,
    reports,
    tables: reports.map((report) => `${report}`),
    traces: reports.map((report) => report.chromeTrace()),
  };
}

export const profileOnCpu = (network: keyof typeof NETWORKS) => profileOn(cpu({ threads: 2 }), network);
export const profileOnGpu = (network: keyof typeof NETWORKS) => profileOn(webgpu(), network);
/** The weakest device has no clock. */
export const profileWithoutClock = (network: keyof typeof NETWORKS) =>
  profileOn(webgpu({ limits: 'default' }), network);
