import { AutogradError, type Tensor, tensor } from '@neurite/tensor';
import { expect, test } from 'vitest';
import { customFunction, gradcheck, gradgradcheck } from '../src/index.js';
import { onReference, random, variable } from './helpers.js';

onReference();

test('finds a wrong gradient and says where', async () => {
  const wrong = customFunction({
    forward: (ctx, x: Tensor) => {
      ctx.saveForBackward(x);
      return x.pow(3);
    },
    backward: (ctx, g) => g.mul(ctx.savedTensors[0].pow(2).mul(2)),
  });
  const failure = gradcheck(wrong, [variable([1, 2])]);
  await expect(failure).rejects.toThrow(AutogradError);
  await expect(failure).rejects.toThrow(
    /element 0 of output 0 with respect to element 0 of input 0 is 2 by backward and (3|2\.99)/,
  );
});

test('finds a gradient that a detach has cut', async () => {
  await expect(gradcheck((x) => x.mul(x.detach()), [variable([1, 2])])).rejects.toThrow(/by differences/);
  await expect(gradcheck((x) => x.detach().mul(2), [variable([1, 2])])).rejects.toThrow(/by differences/);
});

test('gradgradcheck finds a wrong second derivative behind a right first one', async () => {
  const cut = customFunction({
    forward: (ctx, x: Tensor) => {
      ctx.saveForBackward(x);
      return x.pow(3);
    },
    backward: (ctx, g) => g.mul(ctx.savedTensors[0].detach().pow(2).mul(3)),
  });
  expect(await gradcheck(cut, [variable([1, 2])])).toBe(true);
  await expect(gradgradcheck(cut, [variable([1, 2])])).rejects.toThrow(AutogradError);
});

test('several outputs and inputs, some of them without gradients', async () => {
  const f = (a: Tensor, i: Tensor, b: Tensor): Tensor[] => [a.gather(0, i).mul(b), b.sum(), i];
  const index = tensor([1, 0], { dtype: 'int32' });
  expect(await gradcheck(f as never, [random([3], 1), index, random([2], 2)])).toBe(true);
  expect(await gradgradcheck(f as never, [random([3], 1), index, random([2], 2)])).toBe(true);
});

test('wants float64 and something to check', async () => {
  await expect(gradcheck((x) => x, [tensor([1], { requiresGrad: true })])).rejects.toThrow(
    /float32.*float64/,
  );
  await expect(gradcheck((x) => x, [tensor([1], { dtype: 'float64' })])).rejects.toThrow(
    /no input requires gradients/,
  );
});
