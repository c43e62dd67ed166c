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

/** The functions that compute the contractions on the way to a tensor, in their order. */
async function programsTo(t: Tensor): Promise<string[]> {
  const { kernels } = await explain(t);
  return kernels
    .filter(({ loops }) => loops.includes('contraction'))
    .map(({ source }) => {
      const [, name] = /let local = i32\(invocation\);\n\s+(?:if .*\{ )?(\w+)\(/.exec(source)!;
      return source.includes('fn add_parts(') ? `${name} in parts` : name;
    });
}

type Layer = nn.Module & { readonly weight: Tensor } & ((x: Tensor) => Tensor);

/** Programs of a layer's output, and of the gradients of its input and its weight. */
async function programsOf(layer: nn.Module, shape: number[]): Promise<string[]> {
  const size = shape.reduce((a, b) => a * b, 1);
  const x: Tensor = tensor(new Float32Array(size).fill(1), { shape });
  x.requiresGrad = true;
  const y = (layer as Layer)(x);
  y.square().sum().backward();
  const [toInput, toWeight] = [await programsTo(x.grad!), await programsTo((layer as Layer).weight.grad!)];
  // The layer's own comes first.
  return [toWeight[0], toInput.at(-1)!, toWeight.at(-1)!];
}

const conv = (from: number, to: number, size: number, options = {}) => new nn.Conv2d(from, to, size, options);

test.each([
  [
    'LeNet, first',
    conv(1, 6, 5, { padding: 2 }),
    [64, 1, 28, 28],
    ['flat_tiles', 'direct_conv', 'small_tiles in parts'],
  ],
  ['LeNet, second', conv(6, 16, 5), [64, 6, 14, 14], ['flat_tiles', 'flat_tiles', 'deep_tiles in parts']],
  [
    'a residual block',
    conv(64, 64, 3, { padding: 1 }),
    [32, 64, 28, 28],
    ['medium_tiles', 'medium_tiles', 'medium_tiles in parts'],
  ],
  [
    'a residual block that halves',
    conv(64, 128, 3, { padding: 1, stride: 2 }),
    [32, 64, 28, 28],
    ['large_tiles', 'medium_tiles', 'large_tiles in parts'],
  ],
  [
    'its shortcut',
    conv(64, 128, 1, { stride: 2 }),
    [32, 64, 28, 28],
    ['large_tiles', 'medium_tiles', 'small_tiles in parts'],
  ],
  ['1×1', conv(64, 256, 1), [8, 64, 28, 28], ['large_tiles', 'medium_tiles', 'medium_tiles in parts']],
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
    ['wide_tiles', 'wide_tiles', 'wide_tiles in parts'],
  ],
  [
    'dilated',
    conv(32, 32, 3, { padding: 2, dilation: 2 }),
    [8, 32, 28, 28],
    ['small_tiles', 'small_tiles', 'deep_tiles in parts'],
  ],
  [
    'a first layer of images',
    conv(3, 64, 7, { padding: 3, stride: 2 }),
    [4, 3, 112, 112],
    ['medium_tiles', 'direct_conv', 'medium_tiles in parts'],
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
