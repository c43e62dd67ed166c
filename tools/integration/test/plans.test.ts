/** The structure of plans: how many kernels, and which. A lost fusion is a failing test with a readable difference. */
import '@neurite/autograd';
import * as nn from '@neurite/nn';
import { Adam, clipGradNorm, OneCycleLR, type Optimizer, SGD } from '@neurite/optim';
import {
  cat,
  explain,
  manualSeed,
  randint,
  randn,
  resetStats,
  stack,
  stats,
  type Tensor,
  tensor,
  use,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeEach, describe, expect, it } from 'vitest';

beforeEach(async () => {
  await use(reference(), { log: false });
  manualSeed(0);
});

/** Names of the kernels that compute a tensor. */
const kernels = async (t: Tensor): Promise<string[]> => (await explain(t)).kernels.map((k) => k.name);

const host = async (t: Tensor): Promise<Tensor> => tensor(await t.data(), { shape: t.shape, dtype: t.dtype });
const given = (shape: number[]): Promise<Tensor> => host(randn(shape));

function mlp(inputs: number, hidden: [number, number], outputs: number) {
  return new nn.Sequential(
    new nn.Linear(inputs, hidden[0]),
    new nn.ReLU(),
    new nn.Linear(hidden[0], hidden[1]),
    new nn.ReLU(),
    new nn.Linear(hidden[1], outputs),
  ) as nn.Module & ((x: Tensor) => Tensor);
}

describe('fusion', () => {
  it('makes an elementwise chain one kernel', async () => {
    const x = await given([1000]);
    const chain = nn.functional.gelu(x.mul(1.5).add(0.5), { approximate: 'tanh' }).mul(x.sigmoid());
    expect(await kernels(chain)).toHaveLength(1);
  });

  it('makes a chain of a thousand additions few kernels', async () => {
    const x = await given([100]);
    let y: Tensor = x;
    for (let i = 0; i < 1000; i++) y = y.add(x);
    expect((await kernels(y)).length).toBeLessThanOrEqual(3);
  });

  it('makes softmax, log-softmax and norms one kernel each', async () => {
    const x = await given([32, 50]);
    expect(await kernels(x.softmax(1))).toHaveLength(1);
    expect(await kernels(x.logSoftmax(1))).toHaveLength(1);
    expect(await kernels(new nn.LayerNorm(50)(x))).toHaveLength(1);
    expect(await kernels(x.var(1))).toHaveLength(1);
    const images = await given([4, 16, 6, 6]);
    expect(await kernels(new nn.BatchNorm2d(16)(images))).toHaveLength(1);
  });

  it('puts bias, activation and residual on the matmul', async () => {
    const x = await given([8, 16]);
    const linear = new nn.Linear(16, 16);
    expect(await kernels(nn.functional.gelu(linear(x)).add(x))).toHaveLength(1);
    expect(
      await kernels(nn.functional.relu(new nn.Conv2d(3, 4, 3, { padding: 1 })(await given([2, 3, 8, 8])))),
    ).toHaveLength(1);
  });

  it('adds each product of a long sum in its own epilogue', async () => {
    const pairs = await Promise.all(
      Array.from({ length: 4 }, async () => [await given([16, 8]), await given([16, 12])] as const),
    );
    const products = pairs.map(([a, b]) => b.transpose(0, 1).matmul(a).transpose(0, 1));
    const sum = products.reduce((x, y) => x.add(y));
    expect(await kernels(sum)).toEqual(['matmul', 'matmul_add', 'matmul_add', 'matmul_add']);
  });

  it('reads transposed, sliced and repeated operands of a matmul without a copy', async () => {
    const a = await given([6, 8]);
    const b = await given([6, 10]);
    expect(await kernels(a.T.matmul(b))).toHaveLength(1);
    expect(await kernels(a.slice(1, 0, 8, 2).matmul((await given([4, 3])).flip([0])))).toHaveLength(1);
    expect(
      await kernels((await given([5, 4, 6])).matmul((await given([6, 3])).unsqueeze(0).expand([5, 6, 3]))),
    ).toHaveLength(1);
  });

  it('lets whatever makes a piece of a concatenation write it to its place', async () => {
    const x = await given([16, 8]);
    const weights = await Promise.all([12, 20, 16].map((n) => given([8, n])));
    const products = weights.map((w) => x.matmul(w).tanh());
    expect(await kernels(cat([...products, x], 1))).toEqual([...weights.map(() => 'matmul_tanh'), 'copy']);
    // Pieces that read the same elements are one nest, the others nests of one kernel.
    const [a, b] = x.chunk(2, 1);
    expect(await kernels(cat([a.mul(b), a.sub(b), b.sin(), x], 1))).toHaveLength(1);
  });

  it('joins the heads of an attention, and what they give to queries, keys and values, in the products', async () => {
    const heads = (t: Tensor) => t.reshape(2, 5, 3, 4).transpose(1, 2);
    const joined = (t: Tensor) => t.transpose(1, 2).reshape(2, 5, 12);
    const x = await given([2, 5, 36]);
    x.requiresGrad = true;
    const [q, k, v] = x.chunk(3, 2).map(heads);
    const y = joined(q.matmul(k.transpose(2, 3)).matmul(v));
    expect(await kernels(y)).toEqual(['matmul', 'matmul_copy']);
    y.mul(await given([2, 5, 12]))
      .sum()
      .backward();
    const names = await kernels(x.grad!);
    expect(names).toHaveLength(5);
    expect(names.every((name) => name.includes('matmul'))).toBe(true);
  });

  it('puts gradients of slices side by side', async () => {
    const x = await given([6, 4, 8]);
    x.requiresGrad = true;
    const steps = x.unbind(0).map((step, t) => step.mul(t + 1).sin());
    stack(steps).sum().backward();
    const { kernels: made } = await explain(x.grad!);
    expect(made).toHaveLength(1);
    // Each element is written once, and looks at no step but its own.
    expect(made[0].bytes).toBe(2 * 4 * x.numel);
    expect(made[0].loops).not.toContain('where');
  });

  it('makes softmax, its loss and its gradient at most three kernels', async () => {
    const logits = await given([64, 10]);
    logits.requiresGrad = true;
    const target = await host(randint(0, 10, [64]));
    resetStats();
    const loss = new nn.CrossEntropyLoss()(logits, target);
    loss.backward();
    const { realize } = await import('@neurite/tensor');
    await realize(loss, logits.grad!);
    expect(stats().kernelsRun).toBeLessThanOrEqual(3);
  });
});

async function trainingStep(
  model: nn.Module & ((x: Tensor) => Tensor),
  optimizer: Optimizer,
  batch: number,
  inputs: number,
) {
  const x = tensor(new Float32Array(batch * inputs).fill(0.5), { shape: [batch, inputs] });
  const y = tensor(new Int32Array(batch), { shape: [batch] });
  optimizer.zeroGrad();
  const loss = new nn.CrossEntropyLoss()(model(x), y);
  loss.backward();
  await optimizer.step();
  return loss.item();
}

describe('a training step', () => {
  it('of an MLP with Adam is eleven kernels', async () => {
    const model = mlp(20, [16, 12], 10);
    const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
    for (let i = 0; i < 3; i++) {
      resetStats();
      await trainingStep(model, optimizer, 8, 20);
    }
    // Three forward and five backward products (updates ride on those of the weights), the count of targets, softmax with its
    // gradient, and the bias gradients with their updates and the loss.
    expect(stats().kernelsRun).toBe(11);
  });

  it.each([
    { maxBuffers: 8, sgd: 13, adam: 14 },
    { maxBuffers: 10, sgd: 9, adam: 13 },
    { maxBuffers: 16, sgd: 6, adam: 7 },
  ])('of 52 parameters updates them in as few kernels as $maxBuffers buffers allow', async (expected) => {
    const { maxBuffers } = expected;
    const kernelsOf = async (optimizerOf: (p: nn.Parameter[]) => Optimizer) => {
      await use(reference({ maxBuffers, arena: false }), { log: false });
      const model = new nn.Sequential(
        ...Array.from({ length: 26 }, () => [new nn.Linear(4, 4), new nn.Tanh()]).flat(),
      ) as nn.Module & ((x: Tensor) => Tensor);
      const optimizer = optimizerOf(model.parameters());
      const x = await given([3, 4]);
      for (let i = 0; i < 3; i++) {
        resetStats();
        optimizer.zeroGrad();
        const loss = model(x).square().mean();
        loss.backward();
        await optimizer.step();
        await loss.item();
      }
      return stats().kernelsRun;
    };
    // 26 products forward, 51 backward with the updates of the weights, and the gradient that the loss gives. Then the sums for the
    // biases with their updates: each binds what it sums, the bias, and the optimizer's one or two states. The loss finds room beside
    // them but for Adam with 8.
    const sgd = await kernelsOf((p) => new SGD(p, { lr: 0.01, momentum: 0.9 }));
    const adam = await kernelsOf((p) => new Adam(p, { lr: 0.01 }));
    expect({ sgd, adam }).toEqual({ sgd: 78 + expected.sgd, adam: 78 + expected.adam });
  });

  it('compiles nothing and plans nothing from the third step on, with a schedule and clipping', async () => {
    const model = mlp(20, [16, 12], 10);
    const optimizer = new Adam(model.parameters(), { lr: 1e-3, amsgrad: true });
    const schedule = new OneCycleLR(optimizer, 0.01, { totalSteps: 20 });
    for (let i = 0; i < 12; i++) {
      if (i === 2) resetStats();
      optimizer.zeroGrad();
      const x = tensor(new Float32Array(160).fill(i), { shape: [8, 20] });
      const loss = new nn.CrossEntropyLoss()(model(x), tensor(new Int32Array(8), { shape: [8] }));
      loss.backward();
      clipGradNorm(model.parameters(), 1);
      await optimizer.step();
      await loss.item();
      schedule.step();
    }
    const { plansBuilt, programsCompiled, plansReused } = stats();
    expect({ plansBuilt, programsCompiled }).toEqual({ plansBuilt: 0, programsCompiled: 0 });
    expect(plansReused).toBe(10);
  });

  it('plans a last, smaller batch once in a whole run', async () => {
    const model = mlp(20, [16, 12], 10);
    const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
    for (let i = 0; i < 3; i++) await trainingStep(model, optimizer, 8, 20);
    resetStats();
    for (let epoch = 0; epoch < 4; epoch++)
      for (const batch of [8, 8, 5]) await trainingStep(model, optimizer, batch, 20);
    expect(stats().plansBuilt).toBe(1);
  });

  it('keeps its plan when numbers in the user code change', async () => {
    const x = await given([10]);
    for (let i = 0; i < 5; i++) {
      if (i === 1) resetStats();
      await x
        .mul(3 + i)
        .add(0.1 * i + 0.05)
        .data();
    }
    expect(stats().plansBuilt).toBe(0);
  });

  it('has this plan', async () => {
    const model = mlp(6, [5, 4], 3);
    const loss = new nn.CrossEntropyLoss()(model(await given([2, 6])), tensor([0, 2], { dtype: 'int32' }));
    expect((await explain(loss)).toString()).toMatchSnapshot();
    expect((await explain(new nn.LayerNorm(6)(await given([4, 6])))).toString()).toMatchSnapshot();
    expect((await explain(new nn.BatchNorm2d(3)(await given([2, 3, 4, 4])))).toString()).toMatchSnapshot();
    expect(
      (await explain((await given([2, 3])).T.reshape([6]).flip([0]).slice(0, 1, 5, 2))).toString(),
    ).toMatchSnapshot();
  });
});
