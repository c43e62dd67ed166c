/** What must stay NaN where a compiler, which may assume that there is none, would make a number of it. */
import { onAnyGpu } from '@neurite/browser';
import { type Device, ones, type Tensor, tensor, use, zeros } from '@neurite/tensor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { webgpu } from '../src/index.js';

let device: Device;
beforeAll(async () => {
  device = await use(onAnyGpu(webgpu()), { log: false });
});
afterAll(() => device.destroy());

const NUMBERS = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 2, -2];
const numbers = async (t: Tensor): Promise<number[]> => Array.from(await t.data());

// The expected values are JavaScript's.
test.each(['float32', 'float16'] as const)('products and quotients of 0, %s', async (dtype) => {
  const x = tensor(NUMBERS, { dtype });
  const nothing = zeros([1], { dtype });
  expect(await numbers(x.mul(0))).toEqual(NUMBERS.map((v) => v * 0));
  expect(await numbers(nothing.mul(x))).toEqual(NUMBERS.map((v) => v * 0));
  expect(await numbers(nothing.div(x))).toEqual(NUMBERS.map((v) => 0 / v));
  expect(await numbers(x.div(nothing))).toEqual(NUMBERS.map((v) => v / 0));
});

test('a number times its reciprocal', async () => {
  const x = tensor(NUMBERS);
  expect(await numbers(x.mul(x.reciprocal()))).toEqual(NUMBERS.map((v) => v * (1 / v)));
});

// PyTorch: torch.softmax(torch.tensor([[v]]), 1) is NaN but for finite v.
test('the softmax of one number', async () => {
  const x = tensor(NUMBERS).reshape([7, 1]);
  expect(await numbers(x.softmax(1))).toEqual(NUMBERS.map((v) => (Number.isFinite(v) ? 1 : Number.NaN)));
  expect(await numbers(ones([7, 1]).mul(x).softmax(1).sum())).toEqual([Number.NaN]);
});
