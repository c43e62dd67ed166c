/** The article's own code, line for line in our API. The README shows the same. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import * as nn from '@neurite/nn';
import { SGD } from '@neurite/optim';
import { manualSeed, randint, randn, type Tensor, use } from '@neurite/tensor';
import { beforeAll, describe, expect, it } from 'vitest';

class SimpleModel extends nn.Module {
  fc1 = new nn.Linear(64, 32);
  relu = new nn.ReLU();
  fc2 = new nn.Linear(32, 10);

  forward(x: Tensor): Tensor {
    return this.fc2(this.relu(this.fc1(x)));
  }
}

class LinearLayer extends nn.Module {
  weight = new nn.Parameter(randn([2, 1]));
  bias = new nn.Parameter(randn([1]));

  forward(x: Tensor): Tensor {
    return x.matmul(this.weight).add(this.bias);
  }
}

beforeAll(async () => {
  await use(cpu(), { log: false });
  manualSeed(0);
});

describe('the article', () => {
  it('trains SimpleModel with SGD and cross-entropy in five lines', async () => {
    const x = randn([32, 64]);
    const y = randint(0, 10, [32]);
    const model = new SimpleModel();
    const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
    const criterion = new nn.CrossEntropyLoss();
    const losses: number[] = [];
    for (let epoch = 0; epoch < 200; epoch++) {
      optimizer.zeroGrad();
      const loss = criterion(model(x), y);
      loss.backward();
      await optimizer.step();
      losses.push(await loss.item());
    }
    expect(losses[0]).toBeGreaterThan(2);
    expect(losses[199]).toBeLessThan(0.3);
    expect([...model.namedParameters()].map(([name, p]) => [name, p.shape])).toEqual([
      ['fc1.weight', [32, 64]],
      ['fc1.bias', [32]],
      ['fc2.weight', [10, 32]],
      ['fc2.bias', [10]],
    ]);
  });

  it('fits LinearLayer, two parameters made by hand', async () => {
    const x = randn([64, 2]);
    const y = x.matmul(randn([2, 1])).add(3);
    const model = new LinearLayer();
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const criterion = new nn.MSELoss();
    for (let step = 0; step < 200; step++) {
      optimizer.zeroGrad();
      const loss = criterion(model(x), y);
      loss.backward();
      await optimizer.step();
    }
    expect(await model.bias.item()).toBeCloseTo(3, 3);
    expect(await criterion(model(x), y).item()).toBeLessThan(1e-6);
  });
});
