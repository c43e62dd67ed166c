/** What goes wrong says what, and nothing is lost. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import * as nn from '@neurite/nn';
import { Adam, SGD } from '@neurite/optim';
import {
  AnomalyError,
  type BackendFactory,
  DeviceError,
  detectAnomaly,
  type Kernel,
  keep,
  manualSeed,
  memory,
  OutOfMemoryError,
  ones,
  randn,
  StaleTensorError,
  type Tensor,
  tensor,
  use,
  zeros,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { describe, expect, it } from 'vitest';

const MB = 2 ** 20;
const backends = [
  ['cpu', cpu],
  ['reference', reference],
] as const;

function tiny() {
  manualSeed(1);
  const model = new nn.Sequential(new nn.Linear(4, 8), new nn.Tanh(), new nn.Linear(8, 2));
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const x = tensor(new Float32Array(12).fill(0.25), { shape: [3, 4] });
  const y = tensor([0, 1, 0], { dtype: 'int32' });
  const loss = (): Tensor => new nn.CrossEntropyLoss()(model(x), y);
  const step = async () => {
    optimizer.zeroGrad();
    const l = loss();
    l.backward();
    await optimizer.step();
    return l.item();
  };
  return { model, optimizer, x, y, loss, step };
}

describe.each(backends)('on %s', (_, factory) => {
  it('a pending tensor that needs an overwritten parameter throws StaleTensorError', async () => {
    await use(factory(), { log: false });
    const { model, step, x } = tiny();
    const weight = model.parameters()[0];
    const before = weight.mul(2);
    await step();
    await expect(before.data()).rejects.toThrow(StaleTensorError);
    await expect(before.data()).rejects.toThrow(/mul.*SGD.*keep/s);
    // What keep marks is computed with the step, and what the outermost module returned is kept by itself.
    const kept = weight.mul(2);
    keep(kept);
    const output = model(x);
    await step();
    expect(await kept.data()).toHaveLength(32);
    expect(await output.data()).toHaveLength(6);
  });

  it('detectAnomaly names the op that made the first NaN, and the parameters stay', async () => {
    await use(factory(), { log: false });
    const w = new nn.Parameter(tensor([1, -1, 2]));
    const optimizer = new SGD([w], { lr: 0.1 });
    await detectAnomaly(async () => {
      const loss = w.log().mul(2).sum();
      loss.backward();
      await expect(optimizer.step()).rejects.toThrow(AnomalyError);
    });
    expect([...(await w.data())]).toEqual([1, -1, 2]);
    await detectAnomaly(async () => {
      await expect(w.log().mul(2).exp().sum().item()).rejects.toThrow(
        /^log made a NaN from inputs without one: log\(float32\[3\]\)/,
      );
    });
    expect(await w.log().sum().item()).toBeNaN();
  });

  it('running out of memory names the largest tensors; the process goes on with something smaller', async () => {
    const device = await use(factory({ memoryBudget: 24 * MB }), { log: false });
    const { model, step } = tiny();
    const first = await step();
    const big = randn([2048, 1024]);
    const attempt = big.matmul(randn([1024, 2048])).cumsum(0);
    await expect(attempt.data()).rejects.toThrow(OutOfMemoryError);
    await expect(attempt.data()).rejects.toThrow(/largest tensors: .*\[2048, 2048\] 16\.0 MiB/);
    const live = memory(device).live;
    let last = first;
    for (let i = 0; i < 20; i++) last = await step();
    expect(last).toBeLessThan(first);
    expect(memory(device).live).toBeLessThanOrEqual(live + 64 * 1024);
    expect(model.parameters()).toHaveLength(4);
  });

  it('a step that does not fit leaves parameters and optimizer as they were', async () => {
    await use(factory({ memoryBudget: 24 * MB }), { log: false });
    const w = new nn.Parameter(zeros([1024, 1024]));
    const optimizer = new Adam([w], { lr: 0.1 });
    const loss = randn([3000, 1024]).matmul(w).sum();
    loss.backward();
    await expect(optimizer.step()).rejects.toThrow(OutOfMemoryError);
    const values = await w.data();
    expect(values.every((v: number) => v === 0)).toBe(true);
    // The process goes on: a step that fits succeeds, and is the optimizer's first.
    w.grad = ones([1024, 1024]);
    await optimizer.step();
    expect((await w.data()).every((v: number) => Math.abs(v + 0.1) < 1e-6)).toBe(true);
  });

  it('jobs run in the order of the calls, also when one has to wait or looks for NaNs', async () => {
    const other = await use(reference(), { log: false });
    const device = await use(factory(), { log: false });
    const w = new nn.Parameter(tensor([1, 2]));
    const optimizer = new SGD([w], { lr: 1 });
    const gradient = tensor([1, 1], { device: other }).add(1);
    w.grad = gradient.to(device);
    const step = optimizer.step();
    expect([...(await w.add(1).data())]).toEqual([0, 1]);
    await step;
    await detectAnomaly(async () => {
      w.grad = tensor([1, 1]);
      const second = optimizer.step();
      expect([...(await w.add(1).data())]).toEqual([-1, 0]);
      await second;
    });
  });

  it('a kept tensor that can never be computed does not stand in the way of others', async () => {
    await use(factory(), { log: false });
    const { model, step } = tiny();
    const lost = model.parameters()[0].mul(2);
    await step();
    keep(lost);
    expect(await step()).toBeGreaterThan(0);
    await expect(lost.data()).rejects.toThrow(StaleTensorError);
    expect(await step()).toBeGreaterThan(0);
  });

  it('a second backward, and one without requiresGrad, say what PyTorch says', async () => {
    await use(factory(), { log: false });
    const { loss } = tiny();
    const l = loss();
    l.backward();
    expect(() => l.backward()).toThrow(/backward through the graph a second time/);
    expect(() => randn([1]).backward()).toThrow(/does not require grad/);
  });
});

/** A backend on which arctangents do not compile, at once or later. */
const withoutArctangent = (isPatient: boolean): BackendFactory => ({
  name: 'partial',
  async start() {
    const { backend, notes } = await reference().start();
    const compile = (kernel: Kernel) => {
      if (JSON.stringify(kernel.nests).includes('"atan"')) throw new DeviceError('no arctangents here');
      return backend.compile(kernel);
    };
    return { backend: { ...backend, compile: isPatient ? async (k: Kernel) => compile(k) : compile }, notes };
  },
});

it.each([false, true])(
  'a pending value that cannot be compiled does not stand in the way of others (%s)',
  async (isPatient) => {
    await use(withoutArctangent(isPatient), { log: false });
    const norm = new nn.BatchNorm1d(3);
    norm.forward(randn([4, 3]).atan());
    expect(await tensor([1, 2]).mul(2).sum().item()).toBe(6);
    await expect(norm.runningMean!.data()).rejects.toThrow('no arctangents here');
    const { model, step } = tiny();
    keep(randn([2]).atan());
    if (!isPatient) expect(await step()).toBeGreaterThan(0);
    else await expect(step()).rejects.toThrow('no arctangents here');
    expect(await step()).toBeGreaterThan(0);
    expect(model.parameters()).toHaveLength(4);
  },
);
