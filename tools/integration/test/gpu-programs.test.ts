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
  return source.includes('fn add_parts(') ? `${name} in parts` : name;
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
  [
    'LeNet, first',
    conv(1, 6, 5, { padding: 2 }),
    [64, 1, 28, 28],
    ['flat_tiles', 'direct_conv', 'deep_tiles'],
  ],
  ['LeNet, second', conv(6, 16, 5), [64, 6, 14, 14], ['flat_tiles', 'flat_tiles', 'deep_tiles']],
  [
    'a residual block',
    conv(64, 64, 3, { padding: 1 }),
    [32, 64, 28, 28],
    ['medium_tiles', 'medium_tiles', 'deep_tiles'],
  ],
  [
    'a residual block that halves',
    conv(64, 128, 3, { padding: 1, stride: 2 }),
    [32, 64, 28, 28],
    ['large_tiles', 'medium_tiles', 'small_tiles'],
  ],
  [
    'its shortcut',
    conv(64, 128, 1, { stride: 2 }),
    [32, 64, 28, 28],
    ['large_tiles', 'medium_tiles', 'deep_tiles'],
  ],
  ['1×1', conv(64, 256, 1), [8, 64, 28, 28], ['large_tiles', 'medium_tiles', 'deep_tiles']],
  [
    'depthwise',
    conv(64, 64, 3, { padding: 1, groups: 64 }),
    [8, 64, 28, 28],
    ['direct_conv', 'direct_conv', 'skinny_product'],
  ],
  [
    'depthwise, strided',
    conv(64, 64, 3, { padding: 1, groups: 64, stride: 2 }),
    [8, 64, 28, 28],
    ['direct_conv', 'direct_conv', 'skinny_product'],
  ],
  [
    'four groups',
    conv(64, 64, 3, { padding: 1, groups: 4 }),
    [8, 64, 28, 28],
    ['wide_tiles', 'wide_tiles', 'deep_tiles'],
  ],
  [
    'dilated',
    conv(32, 32, 3, { padding: 2, dilation: 2 }),
    [8, 32, 28, 28],
    ['small_tiles', 'small_tiles', 'deep_tiles'],
  ],
  [
    'a first layer of images',
    conv(3, 64, 7, { padding: 3, stride: 2 }),
    [4, 3, 112, 112],
    ['medium_tiles', 'direct_conv', 'deep_tiles'],
  ],
  ['linear', new nn.Linear(784, 512), [128, 784], ['small_tiles', 'small_tiles', 'medium_tiles']],
  ['linear, a class each', new nn.Linear(256, 10), [128, 256], ['deep_tiles', 'small_tiles', 'small_tiles']],
  [
    'linear, one sample',
    new nn.Linear(784, 512),
    [1, 784],
    ['skinny_product', 'skinny_product', 'medium_tiles'],
  ],
])('%s', async (_, layer, shape, programs) => {
  expect(await programsOf(layer, shape)).toEqual(programs);
});
