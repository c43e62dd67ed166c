import { manualSeed, matmul, randn, type Tensor, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { describeKernels } from '@neurite/tensor/testkit';

await use(reference(), { log: false });
manualSeed(0);

const a = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const values = await matmul(a, a.transpose(0, 1)).array();
if (JSON.stringify(values) !== '[[14,32],[32,77]]') throw new Error(`matmul gave ${JSON.stringify(values)}`);

// The published types carry literal sizes, and refuse those that cannot fit; at run time it takes one sentence.
const scores: Tensor<readonly [32, 10]> = randn([32, 784]).matmul(randn([784, 10]));
if (scores.shape.join() !== '32,10') throw new Error(`matmul gave shape [${scores.shape}]`);
try {
  // @ts-expect-error 784 and 128 differ
  randn([32, 784]).matmul(randn([128, 10]));
  throw new Error('matmul accepted sizes that differ');
} catch (error) {
  if (!String(error).includes('784')) throw error;
}

// The test kit runs with whatever runner a backend's author has.
let cases = 0;
const { backend } = await reference().start();
await describeKernels('reference', () => backend, {
  describe: (_, body) => body(),
  it: () => {
    cases++;
  },
  expect: (value) => ({
    toBe: (expected) => {
      if (value !== expected) throw new Error(`${value} is not ${expected}`);
    },
  }),
});
if (cases === 0) throw new Error('the test kit has no case');
