/** Training in mixed precision: autocast and GradScaler against float32, skipped steps, and what runs in a step. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import { type GpuBackend, webgpu } from '@neurite/backend-webgpu';
import { onAnyGpu } from '@neurite/browser';
import * as nn from '@neurite/nn';
import { Adam, clipGradNorm, GradScaler, type Optimizer, SGD } from '@neurite/optim';
import {
  autocast,
  type BackendFactory,
  compile,
  type Device,
  manualSeed,
  NeuriteError,
  resetStats,
  StateDictError,
  stats,
  type Tensor,
  tensor,
  use,
  ValueError,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

const F = nn.functional;
const wave = (shape: number[], from = 0): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.7 + from)),
    { shape },
  );
const labels = (n: number, classes: number): Tensor =>
  tensor(Int32Array.from({ length: n }, (_, i) => (i * 7) % classes));

type Net = nn.Module & ((x: Tensor) => Tensor);
const mlp = (): Net =>
  new nn.Sequential(new nn.Linear(6, 16), new nn.LayerNorm(16), new nn.GELU(), new nn.Linear(16, 3)) as Net;
const cnn = (): Net =>
  new nn.Sequential(
    new nn.Conv2d(1, 4, 3, { padding: 1 }),
    new nn.BatchNorm2d(4),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(36, 3),
  ) as Net;

interface Run {
  readonly steps: number;
  readonly scaler: GradScaler | null;
  readonly optimizer?: (model: Net) => Optimizer<never>;
}

/** Losses of some steps on one batch. */
async function train(
  make: () => Net,
  x: Tensor,
  { steps, scaler, optimizer: choose }: Run,
): Promise<number[]> {
  manualSeed(1);
  const model = make();
  const optimizer = choose?.(model) ?? new Adam(model.parameters(), { lr: 0.02 });
  const y = labels(x.shape[0], 3);
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    optimizer.zeroGrad();
    const loss = autocast(() => F.crossEntropy(model(x), y), { enabled: scaler !== null });
    if (scaler) {
      scaler.scale(loss).backward();
      await scaler.step(optimizer);
      scaler.update();
    } else {
      loss.backward();
      await optimizer.step();
    }
    losses.push(await loss.item());
  }
  return losses;
}

const bits = async (model: Net): Promise<number[][]> =>
  Promise.all(model.parameters().map(async (p) => Array.from(await p.data())));

const backends: readonly (readonly [string, () => BackendFactory])[] = [
  ['reference', () => reference()],
  ['cpu', () => cpu({ threads: 1 })],
  ['webgpu', () => onAnyGpu(webgpu())],
];

describe.each(backends)('on %s', (name, factory) => {
  let device: Device;
  beforeAll(async () => {
    device = await use(factory(), { log: false });
  });
  afterAll(() => device.destroy());
  beforeEach(() => manualSeed(0));

  test.each([
    ['an MLP', mlp, [12, 6]],
    ['a CNN', cnn, [6, 1, 6, 6]],
  ] as const)('%s learns as it does in float32', async (_, make, shape) => {
    const x = wave([...shape]);
    const single = await train(make, x, { steps: 20, scaler: null });
    const mixed = await train(make, x, { steps: 20, scaler: new GradScaler() });
    expect(mixed[0]).not.toBe(single[0]);
    for (const [i, loss] of mixed.entries()) expect(Math.abs(loss - single[i])).toBeLessThan(0.05);
    expect(single.at(-1)!).toBeLessThan(single[0] / 2);
  });

  test('float16 parameters train too', async () => {
    const x = wave([12, 6]).half();
    const losses = await train(() => mlp().half(), x, {
      steps: 20,
      scaler: null,
      optimizer: (model) => new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }) as never,
    });
    expect(losses.at(-1)!).toBeLessThan(losses[0] / 2);
  });

  test('a scale that is too large skips steps, changes no bit, and halves until it fits', async () => {
    const model = mlp();
    const optimizer = new Adam(model.parameters());
    const scaler = new GradScaler({ initScale: 2 ** 120 });
    const [x, y] = [wave([8, 6]), labels(8, 3)];
    const step = async () => {
      optimizer.zeroGrad();
      const loss = autocast(() => F.crossEntropy(model(x), y));
      scaler.scale(loss).backward();
      await scaler.step(optimizer);
      scaler.update();
    };
    const before = await bits(model);
    await step();
    expect(await bits(model)).toEqual(before);
    expect(optimizer.state.size).toBe(0);
    expect(await scaler.getScale()).toBe(2 ** 119);

    await scaler.update(1024);
    await step();
    const moved = await bits(model);
    expect(moved).not.toEqual(before);
    const states = () => [...optimizer.state.values()];
    const moments = () => Promise.all(states().map((s) => (s.exp_avg as Tensor).data()));
    const first = await moments();
    expect(states().map((s) => s.step)).toEqual([1, 1, 1, 1, 1, 1]);

    scaler.update(2 ** 120);
    await step();
    expect(await bits(model)).toEqual(moved);
    expect(await moments()).toEqual(first);
    expect(states().map((s) => s.step)).toEqual([1, 1, 1, 1, 1, 1]);

    scaler.update(1024);
    await step();
    expect(await bits(model)).not.toEqual(moved);
    expect(states().map((s) => s.step)).toEqual([2, 2, 2, 2, 2, 2]);
  });

  test('a step is one plan, and nothing is compiled after the third', async () => {
    const model = mlp();
    const optimizer = new Adam(model.parameters(), { lr: 0.02 });
    const scaler = new GradScaler({ initScale: 2 ** 10, growthInterval: 3 });
    const [x, y] = [wave([8, 6]), labels(8, 3)];
    for (let i = 0; i < 8; i++) {
      resetStats();
      const counters = name === 'webgpu' ? { ...(device.backend as GpuBackend).counters } : null;
      optimizer.zeroGrad();
      const loss = autocast(() => F.crossEntropy(model(x), y));
      scaler.scale(loss).backward();
      scaler.unscale(optimizer);
      clipGradNorm(model.parameters(), 1);
      await scaler.step(optimizer);
      scaler.update();
      const { plansBuilt, plansReused, programsCompiled } = stats();
      expect(plansBuilt + plansReused).toBe(1);
      if (i >= 3) expect({ plansBuilt, programsCompiled }).toEqual({ plansBuilt: 0, programsCompiled: 0 });
      if (counters) expect((device.backend as GpuBackend).counters.submits - counters.submits).toBe(1);
    }
    expect(await scaler.getScale()).toBe(2 ** 12);
  });
});

describe('GradScaler', () => {
  let device: Device;
  beforeAll(async () => {
    device = await use(cpu({ threads: 1 }), { log: false });
  });
  afterAll(() => device.destroy());

  const parameter = (...values: number[]): Tensor =>
    tensor(Float32Array.from(values), { requiresGrad: true });

  /** https://pytorch.org/docs/stable/_modules/torch/amp/grad_scaler.html: `_amp_update_scale_`, in numbers. */
  function* scales(skips: readonly boolean[], start: number, interval: number): Generator<number> {
    let [scale, tracker] = [start, 0];
    for (const skip of skips) {
      if (skip) [scale, tracker] = [scale * 0.5, 0];
      else if (++tracker === interval) [scale, tracker] = [scale * 2, 0];
      yield scale;
    }
  }

  test('the scale follows the documented algorithm', async () => {
    const skips = [0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0].map(Boolean);
    const p = parameter(1, 2);
    const optimizer = new SGD([p], { lr: 0.5 });
    const scaler = new GradScaler({ initScale: 8, growthInterval: 3 });
    let expected = [1, 2];
    const wanted = scales(skips, 8, 3);
    for (const [i, skip] of skips.entries()) {
      const scale = await scaler.getScale();
      p.grad = tensor(
        Float32Array.of(scale, skip ? (i % 2 ? Number.NaN : Number.POSITIVE_INFINITY) : scale * 2),
      );
      await scaler.step(optimizer);
      scaler.update();
      if (!skip) expected = [expected[0] - 0.5, expected[1] - 1];
      expect(Array.from(await p.data())).toEqual(expected);
      expect(await scaler.getScale()).toBe(wanted.next().value);
    }
  });

  test('several optimizers: each skips for itself, one skip lowers the scale', async () => {
    const [p, q] = [parameter(1), parameter(1)];
    const [a, b] = [new SGD([p], { lr: 1 }), new SGD([q], { lr: 1, momentum: 0.9 })];
    const scaler = new GradScaler({ initScale: 4 });
    p.grad = tensor(Float32Array.of(4));
    q.grad = tensor(Float32Array.of(Number.POSITIVE_INFINITY));
    await scaler.step(a);
    await scaler.step(b);
    scaler.update();
    expect([await p.item(), await q.item(), await scaler.getScale()]).toEqual([0, 1, 2]);
    expect(b.state.size).toBe(0);
  });

  test('unscale gives plain gradients to clip', async () => {
    const p = parameter(0, 0);
    const optimizer = new SGD([p], { lr: 1 });
    const scaler = new GradScaler({ initScale: 256 });
    scaler.scale(p.mul(tensor([3, 4])).sum()).backward();
    expect(Array.from(await p.grad!.data())).toEqual([768, 1024]);
    scaler.unscale(optimizer);
    expect(Array.from(await p.grad!.data())).toEqual([3, 4]);
    expect(await clipGradNorm([p], 1).item()).toBe(5);
    await scaler.step(optimizer);
    const [x, y] = await p.data();
    expect(x).toBeCloseTo(-0.6, 5);
    expect(y).toBeCloseTo(-0.8, 5);
  });

  test('the order of calls is checked', async () => {
    const p = parameter(1);
    const optimizer = new SGD([p], { lr: 1 });
    const scaler = new GradScaler();
    expect(() => scaler.update()).toThrow(NeuriteError);
    expect(() => scaler.unscale(optimizer)).toThrow(ValueError);
    p.grad = tensor([1]) as never;
    scaler.unscale(optimizer);
    expect(() => scaler.unscale(optimizer)).toThrow('already called');
    await scaler.step(optimizer);
    expect(() => scaler.unscale(optimizer)).toThrow('after step()');
    await expect(scaler.step(optimizer)).rejects.toThrow('already called');
    scaler.update();
    const half = tensor([1], { dtype: 'float16', requiresGrad: true });
    half.grad = tensor([1], { dtype: 'float16' }) as never;
    expect(() => scaler.unscale(new SGD([half], { lr: 1 }))).toThrow('float16');
    for (const wrong of [{ growthFactor: 1 }, { backoffFactor: 1 }, { growthInterval: 0 }, { initScale: 0 }])
      expect(() => new GradScaler(wrong)).toThrow(ValueError);
  });

  test('not enabled, it does nothing', async () => {
    const p = parameter(1);
    const optimizer = new SGD([p], { lr: 1 });
    const scaler = new GradScaler({ enabled: false });
    const loss = p.sum();
    expect(scaler.scale(loss)).toBe(loss);
    loss.backward();
    scaler.unscale(optimizer);
    await scaler.step(optimizer);
    scaler.update();
    expect([await p.item(), await scaler.getScale(), scaler.isEnabled()]).toEqual([0, 1, false]);
    expect(scaler.stateDict()).toEqual({});
  });

  test('its state goes to another one and back', async () => {
    const p = parameter(1);
    const optimizer = new SGD([p], { lr: 0 });
    const scaler = new GradScaler({ initScale: 8, growthInterval: 3, growthFactor: 4 });
    const step = async (s: GradScaler) => {
      p.grad = tensor(Float32Array.of(1));
      await s.step(optimizer);
      s.update();
    };
    await step(scaler);
    await step(scaler);
    const saved = scaler.stateDict();
    const other = new GradScaler();
    other.loadStateDict(saved);
    await step(other);
    expect(await other.getScale()).toBe(32);
    expect(await scaler.getScale()).toBe(8);
    // As PyTorch saves it, in numbers.
    other.loadStateDict({
      scale: 16,
      growth_factor: 2,
      backoff_factor: 0.5,
      growth_interval: 2,
      _growth_tracker: 1,
    });
    await step(other);
    expect(await other.getScale()).toBe(32);
    expect(() => other.loadStateDict({})).toThrow(StateDictError);
  });

  test('a compiled step skips, counts and goes on like the plain one', async () => {
    const run = async (wrap: typeof compile) => {
      manualSeed(5);
      const model = mlp();
      const optimizer = new Adam(model.parameters(), { lr: 0.02 });
      const scaler = new GradScaler({ initScale: 2 ** 10, growthInterval: 4 });
      const step = wrap(async (x: Tensor, y: Tensor, factor: Tensor) => {
        optimizer.zeroGrad();
        const loss = autocast(() => F.crossEntropy(model(x), y)).mul(factor);
        scaler.scale(loss).backward();
        await scaler.step(optimizer);
        scaler.update();
        return loss;
      });
      const seen: unknown[] = [];
      for (let i = 0; i < 14; i++) {
        const factor = tensor(Float32Array.of(i === 0 || i === 9 ? Number.POSITIVE_INFINITY : 1), {
          shape: [],
        });
        await step(wave([8, 6], i), labels(8, 3), factor);
        seen.push([await scaler.getScale(), [...optimizer.state.values()].map((s) => s.step)]);
      }
      return { seen, bits: await bits(model), step };
    };
    const plain = await run(((fn: unknown) => fn) as typeof compile);
    const compiled = await run(compile);
    expect(compiled.seen).toEqual(plain.seen);
    expect(compiled.bits).toEqual(plain.bits);
    const { report } = compiled.step as ReturnType<typeof compile>;
    expect(report.uncompiled).toBe(0);
    expect(report.replays).toBeGreaterThanOrEqual(6);
  });
});
