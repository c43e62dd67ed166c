/** How training behaves: order, reproducibility, accumulation, evaluation in between. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import * as nn from '@neurite/nn';
import { Adam } from '@neurite/optim';
import { manualSeed, noGrad, randn, resetStats, stats, type Tensor, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { describe, expect, it } from 'vitest';

function setUp(seed: number) {
  manualSeed(seed);
  const model = new nn.Sequential(
    new nn.Conv2d(1, 4, 3, { padding: 1 }),
    new nn.BatchNorm2d(4),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Dropout(0.25),
    new nn.Linear(64, 3),
  ) as nn.Module & ((x: Tensor) => Tensor);
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });
  const x = Float32Array.from({ length: 6 * 64 }, (_, i) => Math.sin(i * 0.7) + (i % 5) * 0.1);
  const batch = (): [Tensor, Tensor] => [
    tensor(x, { shape: [6, 1, 8, 8] }),
    tensor([0, 1, 2, 2, 1, 0], { dtype: 'int32' }),
  ];
  const criterion = new nn.CrossEntropyLoss();
  return { model, optimizer, batch, criterion };
}

async function train(steps: number, wait: boolean): Promise<{ losses: number[]; weights: number[] }> {
  const { model, optimizer, batch, criterion } = setUp(3);
  const losses: Tensor[] = [];
  for (let i = 0; i < steps; i++) {
    const [x, y] = batch();
    optimizer.zeroGrad();
    const loss = criterion(model(x), y);
    loss.backward();
    const step = optimizer.step();
    if (wait) await step;
    losses.push(loss);
  }
  const weights: number[] = [];
  for (const p of model.parameters()) weights.push(...(await p.data()));
  for (const t of Object.values(model.stateDict())) weights.push(...(await t.data()));
  return { losses: await Promise.all(losses.map((l) => l.item())), weights };
}

describe.each([
  ['cpu', cpu],
  ['reference', reference],
] as const)('on %s', (_, factory) => {
  it('gives the same bits twice, and whether or not steps are awaited', async () => {
    await use(factory(), { log: false });
    const first = await train(8, true);
    expect(first.losses[7]).toBeLessThan(first.losses[0]);
    expect(await train(8, true)).toEqual(first);
    expect(await train(8, false)).toEqual(first);
  });

  it('draws the same dropout masks and starts from the same weights with fusion off', async () => {
    await use(factory(), { log: false });
    const fused = await train(2, true);
    await use(factory(), { log: false, fusion: false });
    const plain = await train(2, true);
    fused.losses.forEach((l, i) => {
      expect(l).toBeCloseTo(plain.losses[i], 5);
    });
  });

  it('accumulates gradients over micro-batches', async () => {
    await use(factory(), { log: false });
    manualSeed(5);
    const layer = new nn.Linear(4, 2);
    const whole = randn([6, 4]);
    const data = tensor(await whole.data(), { shape: [6, 4] });
    layer(data).square().sum().backward();
    const want = await layer.weight.grad!.data();
    layer.zeroGrad();
    for (let i = 0; i < 3; i++)
      layer(data.narrow(0, 2 * i, 2))
        .square()
        .sum()
        .backward();
    const got = await layer.weight.grad!.data();
    got.forEach((g: number, i: number) => {
      expect(g).toBeCloseTo(want[i], 4);
    });
  });

  it('lets weights be updated by hand without growing chains', async () => {
    await use(factory(), { log: false });
    const w = tensor([4, -2], { requiresGrad: true });
    for (let i = 0; i < 60; i++) {
      if (i === 3) resetStats();
      w.grad = null;
      const loss = w.sub(1).square().sum();
      loss.backward();
      noGrad(() => w.sub_(w.grad!.mul(0.1)));
      await loss.item();
    }
    expect(stats().plansBuilt).toBe(0);
    expect(stats().kernelsRun).toBeLessThan(57 * 4);
    for (const v of await w.data()) expect(v).toBeCloseTo(1, 3);
  });

  it('evaluates between steps without new plans', async () => {
    await use(factory(), { log: false });
    const { model, optimizer, batch, criterion } = setUp(4);
    const right: number[] = [];
    for (let epoch = 0; epoch < 4; epoch++) {
      if (epoch === 2) resetStats();
      model.train();
      for (let i = 0; i < 2; i++) {
        const [x, y] = batch();
        optimizer.zeroGrad();
        const loss = criterion(model(x), y);
        loss.backward();
        await optimizer.step();
        await loss.item();
      }
      model.eval();
      const [x, y] = batch();
      const hits = await noGrad(async () => model(x).argmax(1).eq(y).sum().item());
      expect([0, 1, 2, 3, 4, 5, 6]).toContain(hits);
      right.push(hits);
    }
    expect(stats().plansBuilt).toBe(0);
    expect(stats().programsCompiled).toBe(0);
    // Again by hand from the logits: what evaluation counted is what the model says.
    const [x, y] = batch();
    const logits = (await noGrad(() => model(x).array())) as number[][];
    const wanted = await y.data();
    expect(logits.filter((row, i) => row.indexOf(Math.max(...row)) === wanted[i])).toHaveLength(right[3]);
  });
});

it('agrees between cpu and reference to float tolerance, masks and weights to the bit', async () => {
  await use(cpu(), { log: false });
  const fast = await train(3, true);
  manualSeed(9);
  const bits = [...(await nn.functional.dropout(tensor(new Float32Array(1000).fill(1)), 0.3).data())];
  await use(reference(), { log: false });
  const plain = await train(3, true);
  manualSeed(9);
  expect([...(await nn.functional.dropout(tensor(new Float32Array(1000).fill(1)), 0.3).data())]).toEqual(
    bits,
  );
  fast.losses.forEach((l, i) => {
    expect(Math.abs(l - plain.losses[i])).toBeLessThan(1e-4);
  });
});
