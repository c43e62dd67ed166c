/** What a seed leads to on a device. */
import { cpu } from '@neurite/backend-cpu';
import { webgpu } from '@neurite/backend-webgpu';
import { DataLoader, TensorDataset } from '@neurite/data';
import * as nn from '@neurite/nn';
import {
  arange,
  type BackendFactory,
  bernoulli,
  manualSeed,
  ones,
  rand,
  randint,
  randn,
  randperm,
  type Tensor,
  tensor,
  use,
} from '@neurite/tensor';

/** Numbers of what was drawn, by what it is for. */
export type Drawn = Record<string, number[]>;

const numbers = async (t: Tensor): Promise<number[]> => Array.from(await t.data());

/** Draws from a fresh seed, on a backend, all that training draws. */
export async function drawOn(factory: BackendFactory): Promise<Drawn> {
  const device = await use(factory, { log: false });
  manualSeed(20);
  const drawn: Drawn = {};
  const linear = new nn.Linear(7, 5);
  const conv = new nn.Conv2d(2, 3, 3);
  const orthogonal = new nn.Parameter(ones([4, 4]));
  nn.init.orthogonal_(orthogonal);
  for (const [name, parameter] of [...linear.namedParameters(), ...conv.namedParameters()])
    drawn[`initial ${name} [${parameter.shape}]`] = await numbers(parameter);
  drawn['initial orthogonal'] = await numbers(orthogonal);
  drawn['dropout mask'] = await numbers(nn.functional.dropout(ones([37, 29]), 0.3));
  // The mask is drawn in another kernel when more is fused with it.
  const x = arange(600).reshape(20, 30).mul(0.01);
  drawn['dropout in the middle'] = await numbers(
    nn.functional.dropout(x.tanh(), 0.5).sum(1).ne(0).to('int32'),
  );
  drawn.bernoulli = await numbers(bernoulli(tensor([0.1, 0.5, 0.9]).expand(50, 3)));
  drawn.uniform = await numbers(rand([1025]));
  drawn.integers = await numbers(randint(-5, 1000, [333]));
  drawn.permutation = await numbers(randperm(101));
  drawn.normal = await numbers(randn([501]));
  const order: number[] = [];
  const loader = new DataLoader(new TensorDataset(arange(23)), { batchSize: 5, shuffle: true });
  for (let epoch = 0; epoch < 2; epoch++)
    for await (const [batch] of loader) order.push(...(await numbers(batch as Tensor)));
  drawn.shuffle = order;
  await device.destroy();
  return drawn;
}

export const drawOnCpu = (): Promise<Drawn> => drawOn(cpu({ threads: 3, minParallelWork: 0 }));
export const drawOnGpu = (): Promise<Drawn> => drawOn(webgpu());
