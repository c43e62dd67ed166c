import { SGD, StepLR } from '@neurite/optim';
import { tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';

await use(reference(), { log: false });

const weight = tensor([1, 2], { requiresGrad: true });
const optimizer = new SGD([weight], { lr: 0.5, momentum: 0.5 });
const schedule = new StepLR(optimizer, 1, { gamma: 0.5 });
// Gradients may come from anywhere: this package does not need the one that computes them.
for (let step = 0; step < 2; step++) {
  weight.grad = tensor([1, 1]);
  await optimizer.step();
  schedule.step();
}
// 1 - 0.5 · 1 - 0.25 · (0.5 · 1 + 1)
const values = JSON.stringify(await weight.array());
if (values !== '[0.125,1.125]') throw new Error(`two steps led to ${values}`);
