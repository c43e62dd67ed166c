/** What a training step asks of a GPU: one submission of one pass, one mapping for the loss, and nothing new after the third step. */
import '@neurite/autograd';
import { type GpuBackend, type GpuCounters, webgpu } from '@neurite/backend-webgpu';
import { onAnyGpu } from '@neurite/browser';
import {
  Conv2d,
  Embedding,
  Flatten,
  functional,
  LayerNorm,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from '@neurite/nn';
import { Adam, AdamW, type Optimizer, SGD } from '@neurite/optim';
import {
  arange,
  compile,
  type Device,
  manualSeed,
  randint,
  randn,
  type Tensor,
  tensor,
  use,
} from '@neurite/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await use(onAnyGpu(webgpu()), { log: false });
});
afterAll(() => device.destroy());

interface Training {
  readonly optimizer: Optimizer;
  loss(): Tensor;
}

/** Values of their own, as a batch from a data set has them. */
const numbers = async (t: Tensor): Promise<Tensor> => tensor(await t.data(), { shape: t.shape });
const labels = async (classes: number, n: number): Promise<Tensor> => {
  const drawn = await randint(0, classes, [n]).data();
  return tensor(Int32Array.from(drawn as Iterable<number>));
};

async function mlp(): Promise<Training> {
  const model = new Sequential(
    new Linear(20, 16),
    new ReLU(),
    new Linear(16, 12),
    new ReLU(),
    new Linear(12, 5),
  );
  const [x, y] = [await numbers(randn([8, 20])), await labels(5, 8)];
  return { optimizer: new Adam(model.parameters()), loss: () => functional.crossEntropy(model(x), y) };
}

async function cnn(): Promise<Training> {
  const model = new Sequential(
    new Conv2d(1, 4, 3, { padding: 1 }),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(4, 6, 3, { padding: 1 }),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(24, 5),
  );
  const [x, y] = [await numbers(randn([4, 1, 8, 8])), await labels(5, 4)];
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  return { optimizer, loss: () => functional.crossEntropy(model(x) as Tensor, y) };
}

const [width, heads, length, vocabulary, batch] = [16, 2, 8, 11, 2];

class Gpt extends Module {
  token = new Embedding(vocabulary, width);
  position = new Embedding(length, width);
  ln1 = new LayerNorm(width);
  qkv = new Linear(width, 3 * width);
  projection = new Linear(width, width);
  ln2 = new LayerNorm(width);
  up = new Linear(width, 4 * width);
  down = new Linear(4 * width, width);
  head = new Linear(width, vocabulary);
  private readonly positions = arange(length);
  private readonly hidden = arange(length).unsqueeze(1).lt(arange(length).unsqueeze(0));

  attention(x: Tensor): Tensor {
    const [q, k, v] = this.qkv(x)
      .chunk(3, 2)
      .map((t) => t.reshape([batch, length, heads, width / heads]).transpose(1, 2));
    const scores = q.matmul(k.transpose(2, 3)).mul(1 / Math.sqrt(width / heads));
    const weights = scores.maskedFill(this.hidden, Number.NEGATIVE_INFINITY).softmax(3);
    return this.projection(weights.matmul(v).transpose(1, 2).reshape([batch, length, width]));
  }

  forward(tokens: Tensor): Tensor {
    const x: Tensor = this.token(tokens).add(this.position(this.positions));
    const attended = x.add(this.attention(this.ln1(x)));
    return this.head(attended.add(this.down(functional.gelu(this.up(this.ln2(attended))))));
  }
}

async function gpt(): Promise<Training> {
  const model = new Gpt();
  const [tokens, targets] = [
    (await labels(vocabulary, batch * length)).reshape([batch, length]),
    await labels(vocabulary, batch * length),
  ];
  const loss = () => functional.crossEntropy(model(tokens).reshape([-1, vocabulary]), targets);
  return { optimizer: new AdamW(model.parameters()), loss };
}

const STEPS = 7;

/** `compile` runs a function twice before it replays it. */
describe.each([
  ['as it stands', 3, <R>(step: () => R) => step],
  ['replayed by compile', 2 + 3, <R>(step: () => R): (() => R) => compile(step)],
] as const)('a training step, %s', (_how, first, prepared) => {
  const models = { 'an MLP': mlp, 'a CNN': cnn, 'a GPT': gpt };
  it.each(Object.entries(models))(
    'of %s is one submission, one pass and one mapping; nothing is made once it is warm',
    async (_, make) => {
      manualSeed(1);
      const { optimizer, loss } = await make();
      const update = prepared(async (): Promise<Tensor> => {
        optimizer.zeroGrad();
        const value = loss();
        value.backward();
        await optimizer.step();
        return value;
      });
      const step = async (): Promise<number> => (await update()).item();
      const losses: number[] = [];
      for (let i = 0; i < first; i++) losses.push(await step());
      const { counters } = device.backend as GpuBackend;
      const before: GpuCounters = { ...counters };
      for (let i = 0; i < STEPS; i++) losses.push(await step());
      const since = (name: keyof GpuCounters): number => counters[name] - before[name];
      expect({
        submits: since('submits'),
        passes: since('passes'),
        maps: since('maps'),
        bytesRead: since('bytesRead'),
        pipelines: since('pipelines'),
        buffers: since('buffers'),
      }).toEqual({
        submits: STEPS,
        passes: STEPS,
        maps: STEPS,
        bytesRead: 4 * STEPS,
        pipelines: 0,
        buffers: 0,
      });
      // What the host sends is at most the few numbers that change from step to step.
      expect(since('bytesWritten')).toBeLessThanOrEqual(64 * STEPS);
      expect(losses.at(-1)).toBeLessThan(losses[0]);
    },
  );
});
