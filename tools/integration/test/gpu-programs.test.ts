/** Which programs layers and their gradients get on the GPU: no contraction of theirs runs as plain loops. */
import '@neurite/autograd';
import { webgpu } from '@neurite/backend-webgpu';
import { onAnyGpu } from '@neurite/browser';
import * as nn from '@neurite/nn';
import { type Device, explain, type Tensor, tensor, use } from '@neurite/tensor';
import { afterAll, beforeAll, expect, test } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await use(onAnyGpu(webgpu()), { log: false });
});
afterAll(() => device.destroy());

/** The function that computes the last contraction on the way to a tensor. */
async function programOf(t: Tensor): Promise<string> {
  const { kernels } = await explain(t);
  const { source } = kernels.filter(({ loops }) => loops.includes('contraction')).at(-1)!;
  const [, name] = /let local = i32\(invocation\);\n\s+(?:if .*\{ )?(\w+)\(/.exec(source)!;
  return name;
}

type Layer = nn.Module & { readonly weight: Tensor } & ((x: Tensor) => Tensor);

/** Programs of a layer's output, and of the gradients of its input and its weight. */
async function programsOf(layer: nn.Module, shape: number[]): Promise<string[]> {
  const size = shape.reduce((a, b) => a * b, 1);
  const x: Tensor = tensor(new Float32Array(size).fill(1), { shape });
  x.requiresGrad = true;
  const y = (layer as Layer)(x);
  const forward = await programOf(y);
  y.square().sum().backward();
  return [forward, await programOf(x.grad!), await programOf((layer as Layer).weight.grad!)];
}

const conv = (from: number, to: number, size: number, options = {}) => new nn.Conv2d(from, to, size, options);

test.each([
  ['LeNet, first', conv(1, 6, 5, { padding: 2 }), [64, 1, 28, 28], []],
  ['LeNet, second', conv(6, 16, 5), [64, 6, 14, 14], []],
  ['a residual block', conv(64, 64, 3, { padding: 1 }), [32, 64, 28, 28], []],
  ['a residual block that halves', conv(64, 128, 3, { padding: 1, stride: 2 }), [32, 64, 28, 28], []],
  ['its shortcut', conv(64, 128, 1, { stride: 2 }), [32, 64, 28, 28], []],
  ['1×1', conv(64, 256, 1), [8, 64, 28, 28], []],
  ['depthwise', conv(64, 64, 3, { padding: 1, groups: 64 }), [8, 64, 28, 28], []],
  ['depthwise, strided', conv(64, 64, 3, { padding: 1, groups: 64, stride: 2 }), [8, 64, 28, 28], []],
  ['four groups', conv(64, 64, 3, { padding: 1, groups: 4 }), [8, 64, 28, 28], []],
  ['dilated', conv(32, 32, 3, { padding: 2, dilation: 2 }), [8, 32, 28, 28], []],
  ['a first layer of images', conv(3, 64, 7, { padding: 3, stride: 2 }), [4, 3, 112, 112], []],
  ['linear', new nn.Linear(784, 512), [128, 784], []],
  ['linear, a class each', new nn.Linear(256, 10), [128, 256], []],
  ['linear, one sample', new nn.Linear(784, 512), [1, 784], []],
])('%s', async (_, layer, shape, programs) => {
  expect(await programsOf(layer, shape)).toEqual(programs);
});
