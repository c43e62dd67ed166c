import { randn, realize, resetStats, stats, type Tensor, tensor } from '@neurite/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../src/index.js';
import { labels, useReference } from './support.js';

const F = nn.functional;
beforeAll(useReference);

/** Kernels that computing these takes, all at once. */
async function kernels(...tensors: readonly Tensor[]): Promise<number> {
  resetStats();
  await realize(...tensors);
  return stats().kernelsRun;
}

/** A computed leaf that requires gradients. */
async function leaf(shape: readonly number[]): Promise<Tensor> {
  const x = tensor(
    new Float32Array(shape.reduce((a, b) => a * b, 1)).map((_, i) => Math.sin(i)),
    { shape, requiresGrad: true },
  );
  await realize(x);
  return x;
}

/** Kernels of a function's value, and of its value and gradient together. */
async function cost(
  fn: (x: Tensor) => Tensor,
  shape: readonly number[],
): Promise<[forward: number, both: number]> {
  const x = await leaf(shape);
  const forward = await kernels(fn(x.detach()));
  const loss = fn(x).sum();
  loss.backward();
  return [forward, await kernels(loss, x.grad as unknown as Tensor)];
}

/** A lost fusion shows here as a number that grew. */
describe('kernels', () => {
  it('of activations: one', async () => {
    const counts: Record<string, number> = {};
    for (const [name, fn] of Object.entries({
      gelu: F.gelu,
      selu: F.selu,
      mish: F.mish,
      hardswish: F.hardswish,
      softplus: F.softplus,
      logsigmoid: F.logsigmoid,
    })) {
      counts[name] = await kernels((fn as (x: Tensor) => Tensor)(randn([8, 8])));
    }
    expect(counts).toEqual({ gelu: 1, selu: 1, mish: 1, hardswish: 1, softplus: 1, logsigmoid: 1 });
  });

  it('of crossEntropy', async () => {
    const y = labels([1, 0, 2, 1]);
    expect(await cost((x) => F.crossEntropy(x, y), [4, 3])).toEqual([2, 3]);
    expect(await cost((x) => F.crossEntropy(x, y, { labelSmoothing: 0.1 }), [4, 3])).toEqual([2, 3]);
  });

  it('of normalisation', async () => {
    expect(await cost((x) => F.layerNorm(x, 16), [4, 16])).toEqual([1, 2]);
    expect(await cost((x) => F.groupNorm(x, 2), [4, 4, 8])).toEqual([2, 2]);
    expect(await cost((x) => F.batchNorm(x, null, null, null, null, { training: true }), [4, 3, 8])).toEqual([
      1, 2,
    ]);
  });

  it('of pooling', async () => {
    expect(await cost((x) => F.maxPool2d(x, 2), [2, 3, 8, 8])).toEqual([1, 2]);
    expect(await cost((x) => F.avgPool2d(x, 2), [2, 3, 8, 8])).toEqual([1, 3]);
    expect(await cost((x) => F.maxPool2d(x, 3, 2, 1), [2, 3, 8, 8])).toEqual([1, 4]);
  });

  it('of a layer with its activation and dropout', async () => {
    const net = new nn.Sequential(new nn.Linear(8, 4), new nn.ReLU(), new nn.Dropout(0.5));
    await realize(...net.parameters());
    expect(await kernels(net(await leaf([2, 8])))).toBe(1);
    const conv = new nn.Sequential(new nn.Conv2d(1, 4, 3), new nn.ReLU(), new nn.MaxPool2d(2));
    await realize(...conv.parameters());
    expect(await kernels(conv.eval()((await leaf([2, 1, 8, 8])).detach()))).toBe(2);
  });
});
