import '@neurite/autograd';
import { realize, tensor, use, randn, manualSeed, update, stats } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, expect, it } from 'vitest';
import * as nn from '../src/index.js';

beforeAll(async () => { await use(reference()); });

it('works', async () => {
  const model = new nn.Sequential(new nn.Linear(4, 3), new nn.ReLU(), new nn.Linear(3, 2));
  console.log(String(model), model.stateDict());
  console.log(model.summary([5, 4]));
  const x = randn([5, 4]);
  const y = model(x);
  console.log(await y.array());
  const loss = nn.functional.crossEntropy(y, tensor([0, 1, 1, 0, 1], { dtype: 'int32' }));
  loss.backward();
  console.log(await loss.item(), await model.parameters()[0].grad!.array());
});
it('bn', async () => {
  const bn = new nn.BatchNorm2d(3);
  const model = new nn.Sequential(new nn.Conv2d(1, 3, 3, { padding: 'same' }), bn, new nn.MaxPool2d(2), new nn.Flatten());
  console.log(model.summary([2, 1, 6, 6]));
  for (let i = 0; i < 20; i++) {
    const y = model(randn([2, 1, 6, 6]));
    const l = y.sum(); l.backward();
    const s0 = stats();
    await update(model.parameters().map((p) => ({ target: p, value: p.sub(p.grad!.mul(0.01)) })), { by: 'sgd' });
    const s1 = stats();
    console.log(s1.plansBuilt - s0.plansBuilt, s1.nodesRecorded - s0.nodesRecorded, s1.kernelsRun - s0.kernelsRun);
    model.zeroGrad();
  }
  console.log(await bn.runningMean!.array(), await bn.numBatchesTracked!.item());
});
