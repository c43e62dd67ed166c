import { noGrad, randn, resetStats, stats, type Tensor, tensor, update } from '@neurite/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../src/index.js';
import { expectValues, gradientOf, useReference, values, variable, vector } from './support.js';

const F = nn.functional;
beforeAll(useReference);

/** (x − mean) / √(var + eps) of a list. */
function normalized(xs: readonly number[], eps = 1e-5): number[] {
  const mean = xs.reduce((a, b) => a + b) / xs.length;
  const variance = xs.reduce((sum, x) => sum + (x - mean) ** 2, 0) / xs.length;
  return xs.map((x) => (x - mean) / Math.sqrt(variance + eps));
}

describe('layerNorm', () => {
  it('normalises the last dimensions, then scales and shifts', async () => {
    const x = variable([
      [1, 2, 4],
      [-1, 0, 7],
    ]);
    await expectValues(F.layerNorm(x, [3]), [...normalized([1, 2, 4]), ...normalized([-1, 0, 7])], 10);
    await expectValues(F.layerNorm(x, [2, 3]), normalized([1, 2, 4, -1, 0, 7]), 10);
    const y = F.layerNorm(x, 3, vector(1, 2, 3), vector(0, 1, 0), { eps: 0.5 });
    const [a, b, c] = normalized([1, 2, 4], 0.5);
    await expectValues(y.select(0, 0), [a, 2 * b + 1, 3 * c], 10);
  });

  it('keeps its digits where the mean is large', async () => {
    const x = tensor([1e6, 1e6 + 1, 1e6 + 2]);
    await expectValues(F.layerNorm(x, 3), normalized([0, 1, 2]), 3);
  });

  it('has a gradient that sums to zero', async () => {
    const x = variable([1, 2, 4, 8]);
    const gradient = await values(gradientOf((t) => F.layerNorm(t, 4).mul(vector(1, 0, 2, 5)), x));
    expect(gradient.reduce((a, b) => a + b)).toBeCloseTo(0, 10);
    const shifted = async (by: number): Promise<number> =>
      F.layerNorm(vector(1 + by, 2, 4, 8), 4)
        .mul(vector(1, 0, 2, 5))
        .sum()
        .item();
    expect(gradient[0]).toBeCloseTo(((await shifted(1e-4)) - (await shifted(-1e-4))) / 2e-4, 6);
  });

  it('as a layer prints, starts at one and zero, and checks shapes', async () => {
    const layer = new nn.LayerNorm([2, 3], { eps: 1e-6 });
    expect(String(layer)).toBe('LayerNorm((2, 3), eps=1e-06, elementwise_affine=True)');
    await expectValues(layer.weight, Array(6).fill(1));
    await expectValues(layer.bias, Array(6).fill(0));
    expect(new nn.LayerNorm(5, { elementwiseAffine: false }).parameters()).toEqual([]);
    expect(() => layer(randn([4, 3]))).toThrow(
      'layerNorm: the input [4, 3] must end in normalizedShape [2, 3]',
    );
  });
});

describe('groupNorm and instanceNorm', () => {
  const X = [
    [1, 2],
    [3, 5],
    [0, 7],
    [2, -1],
  ];

  it('normalise groups of channels, and single channels', async () => {
    const x = variable([X]);
    await expectValues(F.groupNorm(x, 2), [...normalized([1, 2, 3, 5]), ...normalized([0, 7, 2, -1])], 10);
    await expectValues(
      F.instanceNorm(x),
      X.flatMap((row) => normalized(row)),
      10,
    );
    await expectValues(F.groupNorm(x, 4), await values(F.instanceNorm(x)), 10);
    const layer = new nn.GroupNorm(2, 4, { dtype: 'float64' });
    await expectValues(layer(x), [...normalized([1, 2, 3, 5]), ...normalized([0, 7, 2, -1])], 10);
    expect(String(layer)).toBe('GroupNorm(2, 4, eps=1e-05, affine=True)');
    expect(() => new nn.GroupNorm(3, 4)).toThrow('GroupNorm: 4 channels cannot be divided into 3 groups');
  });

  it('instanceNorm follows running statistics when told so', async () => {
    const layer = new nn.InstanceNorm1d(2, { trackRunningStats: true, dtype: 'float64' });
    layer(
      variable([
        [
          [1, 3],
          [0, 4],
        ],
        [
          [5, 7],
          [2, 2],
        ],
      ]),
    );
    await expectValues(layer.runningMean, [0.1 * 4, 0.1 * 2], 10);
    await expectValues(layer.runningVar, [0.9 + 0.1 * 2, 0.9 + 0.1 * 4], 10);
    const unbatched = new nn.InstanceNorm1d(2)(
      tensor([
        [1, 3],
        [0, 4],
      ]),
    );
    expect(unbatched.shape).toEqual([2, 2]);
  });
});

describe('BatchNorm', () => {
  const BATCH = [
    [1, 10],
    [2, 30],
    [6, 20],
  ];

  it('normalises by the batch in training and follows its statistics', async () => {
    const layer = new nn.BatchNorm1d(2, { dtype: 'float64' });
    const y = layer(variable(BATCH));
    const [a, b] = [normalized([1, 2, 6]), normalized([10, 30, 20])];
    await expectValues(y, [a[0], b[0], a[1], b[1], a[2], b[2]], 10);
    // The running variance takes the unbiased one: 7 and 100.
    await expectValues(layer.runningMean, [0.3, 2], 10);
    await expectValues(layer.runningVar, [0.9 + 0.7, 0.9 + 10], 10);
    await expectValues(layer.numBatchesTracked, [1]);
  });

  it('uses the running statistics in evaluation, and leaves them alone', async () => {
    const layer = new nn.BatchNorm1d(2, { dtype: 'float64' });
    layer(variable(BATCH));
    layer.eval();
    const y = layer(variable([[1, 10]]));
    await expectValues(y, [(1 - 0.3) / Math.sqrt(1.6 + 1e-5), (10 - 2) / Math.sqrt(10.9 + 1e-5)], 10);
    await expectValues(layer.numBatchesTracked, [1]);
  });

  it('averages all batches alike with momentum null', async () => {
    const layer = new nn.BatchNorm1d(1, { momentum: null, dtype: 'float64' });
    for (const mean of [1, 5, 9]) layer(variable([[mean - 1], [mean + 1]]));
    await expectValues(layer.runningMean, [5], 10);
    await expectValues(layer.numBatchesTracked, [3]);
  });

  it('without tracking uses the batch in evaluation too', async () => {
    const layer = new nn.BatchNorm1d(2, { trackRunningStats: false, affine: false, dtype: 'float64' }).eval();
    expect(layer.stateDict()).toEqual({});
    const [a] = normalized([1, 2, 6]);
    await expectValues(layer(variable(BATCH)).select(1, 0).select(0, 0), [a], 10);
  });

  it('has the gradient of a function of the whole batch', async () => {
    const x = variable([[1], [2], [6]]);
    const layer = new nn.BatchNorm1d(1, { dtype: 'float64' });
    const gradient = await values(gradientOf((t) => layer(t).mul(variable([[1], [0], [3]])), x));
    const at = async (by: number): Promise<number> =>
      F.batchNorm(variable([[1 + by], [2], [6]]), null, null, null, null, { training: true })
        .mul(variable([[1], [0], [3]]))
        .sum()
        .item();
    expect(gradient[0]).toBeCloseTo(((await at(1e-4)) - (await at(-1e-4))) / 2e-4, 6);
    await expectValues(layer.bias?.grad, [4], 10);
  });

  it('checks what it gets', () => {
    expect(() => new nn.BatchNorm2d(3)(randn([2, 3, 4]) as Tensor)).toThrow(
      'BatchNorm2d: takes 4 dimensions with 3 channels in dimension 1, got [2, 3, 4]',
    );
    expect(() => new nn.BatchNorm1d(3)(randn([1, 3]))).toThrow(
      'batchNorm: training needs more than one value per channel, got [1, 3]',
    );
    expect(String(new nn.BatchNorm2d(6))).toBe(
      'BatchNorm2d(6, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)',
    );
  });

  it('a training step has one plan, in which the statistics are computed too', async () => {
    const net = new nn.Sequential(
      new nn.Linear(2, 3),
      new nn.BatchNorm1d(3),
      new nn.ReLU(),
      new nn.Linear(3, 1),
    );
    const step = async (): Promise<void> => {
      net.zeroGrad();
      net(randn([4, 2]))
        .square()
        .mean()
        .backward();
      await update(
        net.parameters().map((p) => ({ target: p, value: p.sub((p.grad as Tensor).mul(0.1)) })),
        { by: 'sgd' },
      );
    };
    for (let i = 0; i < 2; i++) await step();
    resetStats();
    for (let i = 0; i < 20; i++) await step();
    const { plansBuilt, plansReused, programsCompiled } = stats();
    expect({ plansBuilt, plansReused, programsCompiled }).toEqual({
      plansBuilt: 0,
      plansReused: 20,
      programsCompiled: 0,
    });
    const norm = net.at(1) as nn.BatchNorm1d;
    expect(norm.runningMean?.node.storage).not.toBeNull();
    await expectValues(norm.numBatchesTracked, [22]);
  });

  it('a loop of forward passes without steps grows no chain of pending values', async () => {
    const layer = new nn.BatchNorm1d(2, { dtype: 'float64' });
    let mean = [0, 0];
    for (let i = 0; i < 50; i++) {
      noGrad(() =>
        layer(
          variable([
            [i, 0],
            [i + 2, 4],
          ]),
        ),
      );
      mean = [0.9 * mean[0] + 0.1 * (i + 1), 0.9 * mean[1] + 0.2];
    }
    const pending = new Set<unknown>();
    const visit = (node: NonNullable<typeof layer.runningMean>['node']): void => {
      if (pending.has(node) || node.storage) return;
      pending.add(node);
      node.inputs.forEach(visit);
    };
    visit((layer.runningMean as Tensor).node);
    expect(pending.size).toBeLessThan(200);
    await expectValues(layer.runningMean, mean, 10);
    await expectValues(layer.numBatchesTracked, [50]);
  });
});
