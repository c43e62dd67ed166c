import { Generator, manualSeed, ones, randn, type Tensor, tensor, update, zeros } from '@neurite/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../src/index.js';
import { expectValues, gradientOf, labels, useReference, values, variable } from './support.js';

const F = nn.functional;
beforeAll(useReference);

describe('Linear', () => {
  it('computes x Wᵀ + b for any number of leading dimensions', async () => {
    const weight = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const bias = tensor([10, 20]);
    await expectValues(F.linear(tensor([1, 1, 1]), weight, bias), [16, 35]);
    await expectValues(F.linear(tensor([[[1, 0, 0]], [[0, 0, 1]]]), weight, bias), [11, 24, 13, 26]);
    expect(F.linear(zeros([2, 5, 3]), weight).shape).toEqual([2, 5, 2]);
    await expectValues(F.linear(tensor([[1, 2]]), tensor([3, 4])), [11]);
  });

  it('has gradients for all three', async () => {
    const layer = new nn.Linear(2, 1);
    layer.loadStateDict({ weight: tensor([[3, -1]]), bias: tensor([0.5]) });
    const x = variable(
      [
        [1, 2],
        [3, 4],
      ],
      'float32',
    );
    layer(x).sum().backward();
    await expectValues(x.grad, [3, -1, 3, -1]);
    await expectValues(layer.weight.grad, [4, 6]);
    await expectValues(layer.bias?.grad, [2]);
  });

  it('starts like PyTorch’s, from the seed', async () => {
    manualSeed(7);
    const layer = new nn.Linear(100, 50);
    const weight = await values(layer.weight);
    const largest = Math.max(...weight.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(0.1);
    expect(largest).toBeGreaterThan(0.099);
    expect(Math.max(...(await values(layer.bias)).map(Math.abs))).toBeLessThanOrEqual(0.1);
    manualSeed(7);
    expect(await values(new nn.Linear(100, 50).weight)).toEqual(weight);
    expect(await values(new nn.Linear(100, 50).weight)).not.toEqual(weight);
  });

  it('takes bias, dtype, and nothing that does not fit', () => {
    expect(new nn.Linear(2, 3, false).bias).toBeNull();
    expect(new nn.Linear(2, 3, { bias: false }).stateDict()).toHaveProperty('weight');
    expect(new nn.Linear(2, 3, { dtype: 'float64' }).weight.dtype).toBe('float64');
    expect(() => new nn.Linear(2.5, 3)).toThrow(
      'Linear: inFeatures must be an integer of at least 0, got 2.5',
    );
    const dynamic: Tensor = zeros([32, 64]);
    expect(() => new nn.Linear(784, 128)(dynamic)).toThrow(
      "linear: the input [32, 64] must end in the weight's 784 features (weight [128, 784])",
    );
  });

  it('made by hand of two parameters', async () => {
    class LinearLayer extends nn.Module {
      weight = new nn.Parameter(randn([2, 1]));
      bias = new nn.Parameter(randn([1]));
      forward(x: Tensor): Tensor {
        return x.matmul(this.weight).add(this.bias);
      }
    }
    const layer = new LinearLayer();
    expect(Object.keys(layer.stateDict())).toEqual(['weight', 'bias']);
    const [a, b] = await values(layer.weight);
    const [c] = await values(layer.bias);
    await expectValues(layer(tensor([[1, 2]])), [a + 2 * b + c]);
  });
});

describe('Dropout', () => {
  it('is the identity in evaluation and for p = 0', () => {
    const x = ones([4]);
    expect(new nn.Dropout(0.5).eval()(x)).toBe(x);
    expect(F.dropout(x, 0)).toBe(x);
  });

  it('keeps about 1 − p of the elements, scaled, by the generator’s bits', async () => {
    const draw = (seed: number): Promise<number[]> =>
      values(F.dropout(ones([4000]), { p: 0.25, generator: new Generator(seed) }));
    const kept = await draw(1);
    const scaled = kept.filter((v) => v !== 0);
    expect(new Set(scaled)).toEqual(new Set([Math.fround(1 / 0.75)]));
    // Four standard deviations of a binomial of 4000 draws are 110.
    expect(Math.abs(scaled.length - 3000)).toBeLessThan(110);
    expect(await draw(1)).toEqual(kept);
    expect(await draw(2)).not.toEqual(kept);
  });

  it('has the mask as gradient, and a new mask each call', async () => {
    manualSeed(3);
    const layer = new nn.Dropout(0.5);
    const x = variable(Array(64).fill(1), 'float32');
    const y = layer(x);
    y.sum().backward();
    expect(await values(x.grad)).toEqual(await values(y));
    expect(await values(layer(x))).not.toEqual(await values(y));
  });

  it('drops everything for p = 1, and whole channels as Dropout2d', async () => {
    await expectValues(F.dropout(ones([3]), 1), [0, 0, 0]);
    const y = await values(new nn.Dropout2d(0.5)(ones([8, 4, 2, 2])));
    for (let channel = 0; channel < 32; channel++) {
      expect(new Set(y.slice(4 * channel, 4 * channel + 4)).size).toBe(1);
    }
    expect(new Set(y)).toEqual(new Set([0, 2]));
  });

  it('checks p and prints', () => {
    expect(() => new nn.Dropout(1.5)).toThrow('Dropout: p must be between 0 and 1, got 1.5');
    expect(() => F.dropout(ones([1]), -1)).toThrow('dropout: p must be between 0 and 1, got -1');
    expect(String(new nn.Dropout(0.1))).toBe('Dropout(p=0.1, inplace=False)');
  });
});

describe('Embedding', () => {
  const TABLE = [
    [1, 2],
    [3, 4],
    [5, 6],
  ];

  it('picks rows, and adds up their gradients', async () => {
    const weight = variable(TABLE);
    const y = F.embedding(
      labels([
        [2, 0],
        [2, 1],
      ]),
      weight,
    );
    expect(y.shape).toEqual([2, 2, 2]);
    await expectValues(y, [5, 6, 1, 2, 5, 6, 3, 4]);
    await expectValues(
      gradientOf(
        (w) =>
          F.embedding(
            labels([
              [2, 0],
              [2, 1],
            ]),
            w,
          ),
        weight,
      ),
      [1, 1, 1, 1, 2, 2],
    );
  });

  it('gives the padding row no gradient', async () => {
    const weight = variable(TABLE);
    await expectValues(
      gradientOf((w) => F.embedding(labels([0, 2, 0]), w, { paddingIdx: -3 }), weight),
      [0, 0, 0, 0, 1, 1],
    );
  });

  it('as a layer starts normal, with a padding row of zeros', async () => {
    const layer = new nn.Embedding(500, 20, { paddingIdx: -1 });
    const weight = await values(layer.weight);
    expect(weight.slice(-20)).toEqual(Array(20).fill(0));
    const mean = weight.reduce((a, b) => a + b) / 9980;
    const variance = weight.reduce((sum, v) => sum + v * v, 0) / 9980;
    expect(Math.abs(mean)).toBeLessThan(0.04);
    expect(Math.abs(variance - 1)).toBeLessThan(0.06);
    expect(layer(labels([[1, 2, 3]])).shape).toEqual([1, 3, 20]);
    expect(String(layer)).toBe('Embedding(500, 20, padding_idx=499)');
  });

  it('of a given table is frozen unless told otherwise', async () => {
    const layer = nn.Embedding.fromPretrained(tensor(TABLE));
    expect(layer.weight.requiresGrad).toBe(false);
    await expectValues(layer(labels([1])), [3, 4]);
    expect(nn.Embedding.fromPretrained(tensor(TABLE), { freeze: false }).weight.requiresGrad).toBe(true);
  });

  it('says what does not fit', () => {
    const weight = tensor(TABLE);
    expect(() => F.embedding(tensor([0.5]), weight)).toThrow(
      'embedding: indices must be integers, got float32',
    );
    expect(() => F.embedding(labels([0, 3]), weight)).toThrow(
      /embedding: indices must lie in \[0, 3\), got 3 at position 1/,
    );
    expect(() => F.embedding(labels([[0], [3]]), weight)).toThrow(
      /embedding: indices must lie in \[0, 3\), got 3 at position 1/,
    );
    expect(() => new nn.Embedding(3, 2, { paddingIdx: 3 })).toThrow(
      'Embedding: paddingIdx 3 is outside the table of 3 rows',
    );
  });
});

describe('Flatten, Unflatten, Identity', () => {
  it('change shapes only', async () => {
    const x = randn([2, 3, 4, 5]);
    expect(new nn.Flatten()(x).shape).toEqual([2, 60]);
    expect(new nn.Flatten(0, 1)(x).shape).toEqual([6, 4, 5]);
    expect(new nn.Flatten({ startDim: 2 })(x).shape).toEqual([2, 3, 20]);
    expect(new nn.Unflatten(-2, [2, 2])(x).shape).toEqual([2, 3, 2, 2, 5]);
    expect(new nn.Identity(54, 'ignored')(x)).toBe(x);
    expect(String(new nn.Flatten())).toBe('Flatten(start_dim=1, end_dim=-1)');
    expect(String(new nn.Unflatten(1, [2, 3]))).toBe('Unflatten(dim=1, unflattened_size=(2, 3))');
    expect(String(new nn.Identity())).toBe('Identity()');
  });
});

describe('containers', () => {
  it('Sequential can be indexed, extended and walked', () => {
    const net = new nn.Sequential(new nn.Linear(2, 3), new nn.ReLU());
    net.append(new nn.Linear(3, 1));
    expect(net.length).toBe(3);
    expect(net.at(-1)).toBeInstanceOf(nn.Linear);
    expect([...net].map((module) => module.constructor.name)).toEqual(['Linear', 'ReLU', 'Linear']);
    expect(net.namedParameters().map(([name]) => name)).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect(() => net.at(3)).toThrow('Sequential: no module at 3, there are 3');
    expect(() => new nn.Sequential(5 as never)).toThrow('Sequential: 5 is no module');
    expect(String(new nn.Sequential({ act: new nn.ReLU() }))).toBe('Sequential(\n  (act): ReLU()\n)');
  });

  it('ModuleList and ModuleDict hold modules under numbers and names', () => {
    const list = new nn.ModuleList([new nn.Linear(1, 1)]);
    list.append(new nn.Linear(1, 1)).insert(0, new nn.Linear(1, 1, false));
    expect(list.length).toBe(3);
    expect(list.at(0).bias).toBeNull();
    expect(Object.keys(list.stateDict())).toEqual(['0.weight', '1.weight', '1.bias', '2.weight', '2.bias']);
    expect(() => list.append(tensor([1]) as never)).toThrow('ModuleList: takes modules only');
    const dict = new nn.ModuleDict({ encoderBlock: new nn.Linear(1, 1), relu: new nn.ReLU() });
    dict.set('last', new nn.ReLU());
    expect(dict.keys()).toEqual(['encoderBlock', 'relu', 'last']);
    expect(Object.keys(dict.stateDict())).toEqual(['encoderBlock.weight', 'encoderBlock.bias']);
    expect(dict.get('relu')).toBeInstanceOf(nn.ReLU);
    expect(dict.delete('relu') && !dict.has('relu')).toBe(true);
    expect(() => dict.get('relu')).toThrow("ModuleDict: no module 'relu', there are encoderBlock, last");
    expect(() => dict.set('a.b', new nn.ReLU())).toThrow(/a dot separates levels/);
  });

  it('ParameterList holds parameters', () => {
    const list = new nn.ParameterList([new nn.Parameter(zeros([2])), new nn.Parameter(zeros([3]))]);
    expect(list.parameters()).toHaveLength(2);
    expect(list.at(-1).shape).toEqual([3]);
    expect(Object.keys(list.stateDict())).toEqual(['0', '1']);
    expect(() => list.append(zeros([1]) as never)).toThrow('ParameterList: takes parameters only');
  });
});

describe('a residual network of these', () => {
  it('learns', async () => {
    manualSeed(0);
    class Residual extends nn.Module {
      body = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.LayerNorm(8), new nn.Linear(8, 2));
      forward(x: Tensor): Tensor {
        return x.add(this.body(x));
      }
    }
    const net = new nn.Sequential(new Residual(), new nn.Linear(2, 1));
    const x = randn([32, 2]);
    const y = x.select(1, 0).sub(x.select(1, 1)).unsqueeze(1);
    const losses: number[] = [];
    for (let step = 0; step < 25; step++) {
      net.zeroGrad();
      const loss = F.mseLoss(net(x), y);
      loss.backward();
      await update(
        net.parameters().map((p) => ({ target: p, value: p.sub((p.grad as Tensor).mul(0.1)) })),
        { by: 'sgd' },
      );
      losses.push(await loss.item());
    }
    expect(losses.at(-1)).toBeLessThan(losses[0] / 4);
  });
});
