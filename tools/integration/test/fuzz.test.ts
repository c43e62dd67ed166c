/** Random op graphs and random training graphs: fused, unfused, with small limits and on every backend the same values. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import { webgpu } from '@neurite/backend-webgpu';
import { onAnyGpu } from '@neurite/browser';
import { SGD } from '@neurite/optim';
import {
  type AttentionOptions,
  attention,
  type BackendFactory,
  type Capabilities,
  cat,
  conv,
  type Device,
  keep,
  realize,
  stack,
  type Tensor,
  tensor,
  use,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { createGraphChecker, type Draw, type GraphChecker } from '@neurite/tensor/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** More of them: NEURITE_FUZZ_RUNS=5000. */
const numRuns = Number(process.env.NEURITE_FUZZ_RUNS ?? 150);
const settings = { numRuns };

type Generate = fc.GeneratorValue;
const drawFrom =
  (g: Generate): Draw =>
  (count) =>
    g(fc.nat, count - 1);

/** Attention in kernels of its own; one of those of its gradients does not come. */
const namedOps: Capabilities['namedOps'] = {
  attention: () => true,
  attentionLogSumExp: () => true,
  attentionGradQuery: () => true,
  attentionGradKey: () => true,
};

describe('random op graphs', () => {
  let checker: GraphChecker;
  beforeAll(async () => {
    checker = await createGraphChecker({
      'reference, fused': [reference()],
      'reference of 8 buffers, no arena': [reference({ maxBuffers: 8, arena: false })],
      'reference of 4 buffers': [reference({ maxBuffers: 4 })],
      'reference with kernels of attention': [reference({ namedOps })],
      'cpu, fused': [cpu()],
      'cpu, unfused': [cpu(), { fusion: false }],
      'cpu, 3 threads': [cpu({ threads: 3, minParallelWork: 0 })],
    });
  });
  afterAll(() => checker.destroy());

  it('have one value, however they are computed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.gen(), async (g) => {
        expect(await checker.check(drawFrom(g))).toBe('');
      }),
      settings,
    );
  });
});

const LAYER_SIZES = [1, 2, 3, 4, 7, 8];
/** Enough to be cut into many pieces. */
const WIDE_SIZES = [40, 128, 301];
type Layer = (x: Tensor) => Tensor;

/** What a network may do with a batch; none makes it larger than float32 takes in a few layers. */
const LAYERS: readonly (readonly [string, Layer])[] = [
  ['tanh', (x) => x.tanh()],
  ['sigmoid', (x) => x.sigmoid()],
  ['relu of tanh', (x) => x.tanh().relu()],
  ['softmax', (x) => x.softmax(1)],
  ['logSoftmax', (x) => x.tanh().logSoftmax(-1)],
  ['exp of sin', (x) => x.sin().exp()],
  ['erf times itself', (x) => x.erf().mul(x.tanh())],
  [
    'normalised rows',
    (x) => x.sub(x.mean(1, { keepdim: true })).div(x.var(1, { correction: 0, keepdim: true }).add(1).sqrt()),
  ],
  ['normalised columns', (x) => x.sub(x.mean(0)).div(x.square().mean(0).add(0.5).sqrt())],
  ['minus its greatest', (x) => x.sub(x.amax(1, { keepdim: true })).tanh()],
  ['cumulative sums', (x) => x.tanh().cumsum(1).mul(0.2)],
  ['reversed and doubled', (x) => cat([x.flip(1), x], 1).tanh()],
  ['columns around', (x) => x.roll(1, 1).add(x)],
  [
    'padded',
    (x) =>
      x.pad(
        [
          [0, 0],
          [1, 0],
        ],
        0.5,
      ),
  ],
  ['every second column', (x) => x.slice(1, 0, null, 2)],
  ['products of rows', (x) => x.tanh().matmul(x.T).div(4)],
  ['a recurrence down the rows', recurrence],
  ['thirds of the columns, each its own way', (x) => cat(x.chunk(3, 1).map(differently), 1)],
  ['rows in groups, each its own way', (x) => cat(x.chunk(6, 0).map(differently), 0)],
  ['neighbouring columns', (x) => overlapping(x).tanh()],
  ['attention of the rows to each other', (x) => attendToItself(x.tanh(), x)],
  ['causal attention of the columns', (x) => attendToItself(x.tanh().T, x.T, { causal: true }).T],
  [
    'attention to every second row, which has no gradient as a key',
    (x) => attention(x.tanh(), everySecond(x).tanh().detach(), everySecond(x)),
  ],
  [
    'attention of two heads with one query, with an added mask',
    (x) => {
      const heads = x.tanh().expand(2, ...x.shape);
      return attendToItself(heads, stack([x, x.flip(1)]), { mask: x.tanh().mean(1) }).sum(0);
    },
  ],
];

function attendToItself(x: Tensor, value: Tensor, options: AttentionOptions = {}): Tensor {
  return attention(x, x, value, options);
}

const everySecond = (x: Tensor): Tensor => x.slice(0, 0, null, 2);

function differently(piece: Tensor, i: number): Tensor {
  return i % 3 === 0 ? piece.tanh() : i % 3 === 1 ? piece.mul(0.5) : piece.softmax(1);
}

/** Products of what has been so far with one weight, as in a recurrent network. */
function recurrence(x: Tensor): Tensor {
  const weight = x.tanh().mean(0).unsqueeze(1).mul(x.mean(0).sin()).div(x.shape[1]);
  const states: Tensor[] = [];
  for (const group of x.slice(0, 0, 10).split(2, 0)) {
    const fresh = group.mean(0, { keepdim: true });
    const last = states[states.length - 1];
    states.push((last ? fresh.add(last.matmul(weight)) : fresh).tanh());
  }
  return cat(states, 0);
}

function overlapping(x: Tensor): Tensor {
  const count = Math.ceil(x.shape[1] / 2);
  const starts = [0, 1, x.shape[1] - count].filter((start) => start + count <= x.shape[1]);
  return starts.map((start) => x.narrow(1, start, count)).reduce((a, b) => a.add(b));
}

/** A layer of a network; `before` are the results of all earlier ones. */
type Step = (x: Tensor, before: readonly Tensor[]) => Tensor;

/** Losses, gradients and parameters of two steps of training a random network, one list of numbers each. */
async function trainOnce(
  device: Device,
  draw: Draw,
  sizes = LAYER_SIZES,
): Promise<{ text: string; values: number[][] }> {
  const parameters: Tensor[] = [];
  const parameter = (...shape: number[]): Tensor => {
    const size = shape.reduce((a, b) => a * b, 1);
    const numbers = Array.from({ length: size }, (_, i) => Math.sin(1 + 7 * i + 3 * parameters.length));
    parameters.push(tensor(numbers, { shape, device, requiresGrad: true }));
    return parameters[parameters.length - 1];
  };
  const size = () => sizes[draw(sizes.length)];
  const lines: string[] = [];

  function drawStep(shape: readonly number[], before: readonly Tensor[]): Step {
    const choice = draw(LAYERS.length + 6);
    if (choice < LAYERS.length) {
      lines.push(LAYERS[choice][0]);
      return LAYERS[choice][1];
    }
    if (choice < LAYERS.length + 4) {
      const weight = parameter(shape[1], size());
      const bias = parameter(weight.shape[1]);
      lines.push(`linear [${weight.shape}]`);
      return (x) => x.matmul(weight).div(shape[1]).add(bias);
    }
    const k = draw(before.length);
    const fits = String(before[k].shape) === String(shape);
    lines.push(fits ? `plus ${k}` : `times the mean of ${k}`);
    return fits ? (x, all) => x.add(all[k]) : (x, all) => x.mul(all[k].tanh().mean());
  }

  const input = parameter(size(), size());
  lines.push(`x [${input.shape}]`);
  const steps: Step[] = [];
  let results: Tensor[] = [input.mul(1.5)];
  for (let n = 1 + draw(6); n > 0; n--) {
    const x = results[results.length - 1];
    steps.push(drawStep(x.shape, results));
    results.push(steps[steps.length - 1](x, results));
  }
  const optimizer = new SGD(parameters, { lr: 0.05, momentum: 0.9 });
  const wanted: Tensor[] = [];
  for (let step = 0; step < 2; step++) {
    results = [input.mul(1.5)];
    for (const f of steps) results.push(f(results[results.length - 1], results));
    const x = results[results.length - 1];
    const loss = x.square().mean().add(x.tanh().sum());
    optimizer.zeroGrad();
    loss.backward();
    const gradients = parameters.map((p) => p.grad!);
    keep(...gradients);
    await optimizer.step();
    wanted.push(loss, ...gradients);
  }
  wanted.push(...parameters);
  return {
    text: lines.join(', '),
    values: await Promise.all(wanted.map(async (t) => Array.from(await t.data()))),
  };
}

const start = (factory: BackendFactory, options = {}): Promise<Device> =>
  use(factory, { ...options, log: false });

/** Trains random networks, and compares each way of computing them with the reference backend, which takes op by op. */
async function compareTraining(
  ways: readonly (readonly [name: string, device: Device])[],
  runs: number,
): Promise<void> {
  const oracle = await start(reference(), { fusion: false });
  const check = async (draw: Draw) => {
    const drawn: number[] = [];
    const expected = await trainOnce(oracle, (count) => {
      drawn.push(draw(count));
      return drawn[drawn.length - 1];
    });
    for (const [name, device] of ways) {
      let at = 0;
      const { text, values } = await trainOnce(device, () => drawn[at++]);
      for (const [k, want] of expected.values.entries()) {
        // Rounding grows with the largest number around, and with the sums of a few hundred terms.
        const scale = want.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
        want.forEach((v, i) => {
          const far = Math.abs(values[k][i] - v) / scale;
          expect(far, `${name}: ${text}: result ${k}, element ${i}: ${values[k][i]}, not ${v}`).toBeLessThan(
            2e-4,
          );
        });
      }
    }
  };
  const property = fc.asyncProperty(fc.gen(), (g) => check(drawFrom(g)));
  await fc.assert(property, { ...settings, numRuns: Math.ceil(runs) });
  for (const [, device] of ways) await device.destroy();
}

describe('random training graphs', () => {
  it('have the same losses, gradients and updates, fused or not', async () => {
    const ways = [
      ['reference, fused', await start(reference())],
      ['reference with kernels of attention', await start(reference({ namedOps }))],
      ['reference of 6 buffers', await start(reference({ maxBuffers: 6, arena: false }))],
      ['cpu, fused', await start(cpu())],
      ['cpu, unfused', await start(cpu(), { fusion: false })],
    ] as const;
    await compareTraining(ways, numRuns / 2);
  });

  it('have them on the GPU too', async () => {
    const ways = [
      ['webgpu', await start(onAnyGpu(webgpu()))],
      ['webgpu with default limits', await start(onAnyGpu(webgpu({ limits: 'default' })))],
    ] as const;
    await compareTraining(ways, numRuns / 10);
  });
});

describe('random training graphs of some size', () => {
  it('have the same bits with 1, 2 and 5 threads', async () => {
    const startThreads = (threads: number) => start(cpu({ threads, minParallelWork: 0 }));
    const one = await startThreads(1);
    const others = [await startThreads(2), await startThreads(5)];
    const check = async (draw: Draw) => {
      const drawn: number[] = [];
      const remember: Draw = (count) => {
        drawn.push(draw(count));
        return drawn[drawn.length - 1];
      };
      const expected = await trainOnce(one, remember, WIDE_SIZES);
      for (const device of others) {
        let at = 0;
        const { text, values } = await trainOnce(device, () => drawn[at++], WIDE_SIZES);
        // Arrays of this size take the matcher seconds.
        const same = values.map((v, k) => v.every((x, i) => Object.is(x, expected.values[k][i])));
        expect(same, text).toEqual(values.map(() => true));
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.gen(), (g) => check(drawFrom(g))),
      { ...settings, numRuns: Math.ceil(numRuns / 10) },
    );
    for (const device of [one, ...others]) await device.destroy();
  });
});

const devices = [
  ['cpu', cpu()],
  ['reference', reference()],
  ['reference of 4 buffers', reference({ maxBuffers: 4 })],
] as const;

describe.each(devices)('graphs that were wrong once, on %s', (_, backend) => {
  beforeAll(async () => {
    await use(backend, { log: false });
  });

  it('a convolution all of whose taps lie in the padding', async () => {
    const geometry = {
      stride: [1],
      padding: [[2, 0]],
      dilation: [1],
      inputDilation: [1],
      groups: 1,
    } as const;
    const made = conv(tensor([[[1]]]), tensor([[[5]]]), { ...geometry, stride: [4] });
    expect(await made.array()).toEqual([[[0]]]);
  });

  it('a product that only a tensor without elements reads, after fusion', async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const unread = x.softmax(1).matmul(x).slice(1, 2, 2);
    const roots = [unread, x.softmax(1).sum(), x.matmul(x).mul(2)] as const;
    await realize(...roots);
    expect(await roots[2].array()).toEqual([
      [14, 20],
      [30, 44],
    ]);
  });

  it('a scan along a dimension of size 1 of what is repeated along the other', async () => {
    const position = tensor([5], { dtype: 'int32' }).argmin(0, { keepdim: true });
    expect(await position.argsort(0).oneHot(5).cumsum(0).array()).toEqual([[1, 0, 0, 0, 0]]);
  });

  it('a scatter into what reads two buffers, with a limit of four', async () => {
    const target = tensor([1, 2, 3]).add(tensor([10, 20, 30]));
    const made = target.indexAdd(0, tensor([1], { dtype: 'int32' }), tensor([5]));
    expect(await made.array()).toEqual([11, 27, 33]);
  });
});

it('twenty parts joined, with a limit of eight', async () => {
  await use(reference({ maxBuffers: 8 }), { log: false });
  const parts = Array.from({ length: 20 }, (_, i) => tensor([i, -i]));
  expect(await cat(parts, 0).slice(0, 0, null, 2).array()).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(await stack(parts).sum(0).array()).toEqual([190, -190]);
});

it('a kept gradient that becomes the momentum of the first step', async () => {
  await use(reference(), { log: false });
  const x = tensor([1, 2], { requiresGrad: true });
  const optimizer = new SGD([x], { lr: 0.5, momentum: 0.9 });
  x.square().sum().backward();
  const gradient = x.grad!;
  keep(gradient);
  await optimizer.step();
  expect(await gradient.array()).toEqual([2, 4]);
  expect(await x.array()).toEqual([0, 0]);
});
