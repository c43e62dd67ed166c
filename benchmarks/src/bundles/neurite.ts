/** A page that trains an MLP with Neurite. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import { CrossEntropyLoss, Linear, ReLU, Sequential } from '@neurite/nn';
import { Adam } from '@neurite/optim';
import { rand, tensor, use } from '@neurite/tensor';

await use(cpu());
const model = new Sequential(new Linear(784, 128), new ReLU(), new Linear(128, 10));
const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
const criterion = new CrossEntropyLoss();
const x = rand([32, 784]);
const y = tensor(Int32Array.from({ length: 32 }, (_, i) => i % 10));
for (let step = 0; step < 100; step++) {
  optimizer.zeroGrad();
  const loss = criterion(model(x), y);
  loss.backward();
  await optimizer.step();
  if (step % 10 === 0) console.log(step, await loss.item());
}
