/** Results of kernels that the host runs, for they compute in float64. */
import { onAnyGpu } from '@neurite/browser';
import { tensor, use } from '@neurite/tensor';
import { expect, test } from 'vitest';
import { webgpu } from '../src/index.js';

// A GPU buffer is written in words, and one that is to hold numbers later goes on beyond the bools.
test('bools of the host in memory that is used in turn', async () => {
  const device = await use(onAnyGpu(webgpu()), { fusion: false, log: false });
  for (const size of [1, 3, 9, 66]) {
    const numbers = Array.from({ length: size }, (_, i) => Math.sin(i * i));
    const x = tensor(numbers, { dtype: 'float64', shape: [size] });
    const made = x.gt(0.5).logicalNot().to('float64').mul(3).add(1);
    expect(Array.from(await made.data())).toEqual(numbers.map((v) => (v > 0.5 ? 1 : 4)));
  }
  await device.destroy();
});
