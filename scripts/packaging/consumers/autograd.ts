import { grad, valueAndGrad } from '@neurite/autograd';
import { type Tensor, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';

await use(reference(), { log: false });

// backward() works on tensors of the separately installed package: both share one copy of it.
const x = tensor([1, 2, 3], { requiresGrad: true });
const loss = x.mul(x).sum();
loss.backward();
await check('backward', x.grad, [2, 4, 6]);

const cube = (t: Tensor) => t.pow(3).sum();
await check('grad', grad(cube)(tensor([1, 2])), [3, 12]);
const secondOrder = grad((t: Tensor) => grad(cube)(t).sum())(tensor([1, 2]));
await check('grad of grad', secondOrder, [6, 12]);
const [value] = valueAndGrad(cube)(tensor([1, 2]));
await check('valueAndGrad', value, 9);

async function check(
  what: string,
  actual: Tensor | null,
  expected: number | readonly number[],
): Promise<void> {
  const text = JSON.stringify(await actual?.array());
  if (text !== JSON.stringify(expected))
    throw new Error(`${what} gave ${text}, not ${JSON.stringify(expected)}`);
}
