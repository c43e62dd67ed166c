/** Training that is broken off and goes on: on a lost device, in a page that was closed. */
import '@neurite/autograd';
import { webgpu } from '@neurite/backend-webgpu';
import * as nn from '@neurite/nn';
import { Adam } from '@neurite/optim';
import { manualSeed, randint, randn, type Tensor, tensor, use } from '@neurite/tensor';

export type Numbers = Record<
  string,
  { readonly shape: readonly number[]; readonly values: readonly number[] }
>;

/** A small network with its training. */
export function training() {
  manualSeed(11);
  const model = new nn.Sequential(new nn.Linear(6, 8), new nn.Tanh(), new nn.Linear(8, 3));
  const optimizer = new Adam(model.parameters(), { lr: 0.05 });
  const [x, y] = [randn([12, 6]), randint(0, 3, [12])];
  const step = async (): Promise<number> => {
    optimizer.zeroGrad();
    const loss = new nn.CrossEntropyLoss()(model(x) as Tensor, y);
    loss.backward();
    await optimizer.step();
    return loss.item();
  };
  return { model, optimizer, step };
}

/** The weights on the host. */
export async function checkpoint(model: nn.Module): Promise<Numbers> {
  const entries = Object.entries(model.stateDict()).map(async ([name, t]) => {
    const value = t as Tensor;
    return [name, { shape: value.shape, values: [...(await value.data())] }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

export const restore = (model: nn.Module, numbers: Numbers): void =>
  void model.loadStateDict(
    Object.fromEntries(
      Object.entries(numbers).map(([name, { shape, values }]) => [
        name,
        tensor(new Float32Array(values), { shape }),
      ]),
    ),
  );

let running: ReturnType<typeof training>;

/** Trains for some steps, from a checkpoint if there is one. */
export async function trainInPage(steps: number, from: Numbers | null) {
  await use(webgpu(), { log: false });
  running = training();
  if (from) restore(running.model, from);
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) losses.push(await running.step());
  return { losses, weights: await checkpoint(running.model) };
}

/** Goes on without end; the page is closed meanwhile. */
export async function trainForEver(): Promise<never> {
  for (;;) await running.step();
}
