/** Gradients of layers and losses, first and second order: against finite differences in float64, and on the GPU against those. */
import { grad, gradcheck, gradgradcheck } from '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import { webgpu } from '@neurite/backend-webgpu';
import { onAnyGpu } from '@neurite/browser';
import { functional as F } from '@neurite/nn';
import { type Device, Generator, hostNormal, type Tensor, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const generator = new Generator(11);

/** A float64 leaf, away from the kinks at 0. */
function input(...shape: number[]): Tensor {
  const size = shape.reduce((p, s) => p * s, 1);
  const values = Float64Array.from(hostNormal(generator, size), (v) => v + Math.sign(v) * 0.1);
  return tensor(values, { shape, dtype: 'float64', requiresGrad: true });
}

const target = tensor([1, 0, 2], { dtype: 'int32' });

type Case = [name: string, fn: (...inputs: Tensor[]) => Tensor, inputs: () => Tensor[]];

const cases: Case[] = [
  ['linear and gelu', (x, w, b) => F.gelu(F.linear(x, w, b)), () => [input(3, 4), input(2, 4), input(2)]],
  ['selu, elu, silu', (x) => F.selu(x).add(F.elu(x)).mul(F.silu(x)), () => [input(5)]],
  ['softmax', (x) => x.softmax(1).square(), () => [input(3, 4)]],
  ['cross-entropy', (x) => F.crossEntropy(x, target, { labelSmoothing: 0.1 }), () => [input(3, 4)]],
  ['layer norm', (x, w, b) => F.layerNorm(x, [4], w, b), () => [input(2, 4), input(4), input(4)]],
  [
    'a strided, grouped convolution',
    (x, w) => F.conv2d(x, w, null, { stride: 2, padding: 1, groups: 2 }),
    () => [input(1, 4, 5, 5), input(2, 2, 3, 3)],
  ],
  [
    'a dilated convolution',
    (x, w) => F.conv1d(x, w, null, { dilation: 2 }),
    () => [input(2, 2, 7), input(3, 2, 2)],
  ],
  ['max and average pooling', (x) => F.maxPool2d(x, 2).add(F.avgPool2d(x, 2)), () => [input(1, 2, 4, 4)]],
];

describe.each([
  ['cpu', cpu],
  ['reference', reference],
] as const)('on %s', (_, factory) => {
  beforeAll(async () => {
    await use(factory(), { log: false });
  });
  it.each(cases)('%s', async (_name, fn, inputs) => {
    await gradcheck(fn, inputs());
    await gradgradcheck(fn, inputs());
  });
});

/** The gradients of Σ f², and those of the sum of their squares. */
function derivatives(fn: Case[1], inputs: readonly Tensor[]): Tensor[] {
  const all = inputs.map((_, i) => i);
  const first = grad(
    (...xs: Tensor[]) =>
      fn(...xs)
        .square()
        .sum(),
    { argnums: all },
  );
  const second = grad(
    (...xs: Tensor[]) =>
      first(...xs)
        .map((g) => g.square().sum())
        .reduce((a, b) => a.add(b)),
    { argnums: all },
  );
  return [...first(...inputs), ...second(...inputs)];
}

describe('on webgpu, in float32', () => {
  let gpu: Device;
  let plain: Device;
  beforeAll(async () => {
    gpu = await use(onAnyGpu(webgpu()), { log: false });
    plain = await use(reference(), { log: false });
  });
  afterAll(() => gpu.destroy());

  const valuesOf = async (tensors: readonly Tensor[]) =>
    Promise.all(tensors.map(async (t) => Array.from(await t.data())));

  it.each(cases)('%s', async (_name, fn, inputs) => {
    const points = inputs();
    const wanted = await valuesOf(
      derivatives(
        fn,
        points.map((x) => x.to(plain)),
      ),
    );
    const singles = points.map((x) => x.detach().to('float32').to(gpu));
    const got = await valuesOf(derivatives(fn, singles));
    expect(got.map((values) => values.length)).toEqual(wanted.map((values) => values.length));
    got.forEach((values, k) => {
      const scale = Math.max(1, ...wanted[k].map(Math.abs));
      values.forEach((value, i) => {
        expect(Math.abs(value - wanted[k][i]) / scale, `derivative ${k}, element ${i}`).toBeLessThan(1e-5);
      });
    });
  });
});
