/** Single operations, and operations with their gradients. */
import { flops, normal, positive, type RowSpec, traffic, uniform, warm } from './spec.js';

/** [m, k] × [k, n]; a transposed operand is stored with its dimensions exchanged. */
function matmul(shapes: string, m: number, k: number, n: number, transposed = 'NN'): RowSpec {
  // A matrix with a single row or few does too little with each number that it reads.
  const work = Math.min(m, n) < 8 ? traffic(m * k + k * n, m * n) : flops(2 * m * k * n);
  const a = transposed[0] === 'T' ? [k, m] : [m, k];
  const b = transposed[1] === 'T' ? [n, k] : [k, n];
  return warm(shapes, work, [normal('a', a), normal('b', b)]);
}

const square = (n: number): RowSpec => matmul(`${n}×${n}`, n, n, n);

const sum = (over: string, results: number, tolerance?: number): RowSpec =>
  warm(`4096×1024, ${over}`, traffic(4096 * 1024, results), [positive('x', [4096, 1024])], tolerance);

/** A gradient arrives as `g`: the loss is the sum of y·g. */
const upstream = (shape: readonly number[]) => normal('g', shape);

const convolution = [
  normal('x', [32, 64, 28, 28]),
  uniform('weight', [64, 64, 3, 3], 1 / 24),
  uniform('bias', [64], 1 / 24),
];
const convolutionFlops = 2 * 32 * 64 * 28 * 28 * 64 * 9;

const depthwise = [
  normal('x', [16, 64, 56, 56]),
  uniform('weight', [64, 1, 3, 3], 1 / 3),
  uniform('bias', [64], 1 / 3),
];
const image = 16 * 64 * 56 * 56;

const attention = ['q', 'k', 'v'].map((name) => normal(name, [8, 256, 64]));
const attentionFlops = 2 * 2 * 8 * 256 * 256 * 64;

/** How many additions the row of that name chains. */
export const ADDITIONS = 1000;

export const KERNEL_ROWS = {
  'matmul-256': square(256),
  'matmul-512': square(512),
  'matmul-1024': square(1024),
  'matmul-2048': square(2048),
  'matmul-tn-512': matmul('512×512, aᵀ·b', 512, 512, 512, 'TN'),
  'matmul-nt-512': matmul('512×512, a·bᵀ', 512, 512, 512, 'NT'),
  'matmul-tt-512': matmul('512×512, aᵀ·bᵀ', 512, 512, 512, 'TT'),
  'matmul-1x1024x1024': matmul('1×1024 · 1024×1024', 1, 1024, 1024),
  'matmul-4x1024x1024': matmul('4×1024 · 1024×1024', 4, 1024, 1024),
  'matmul-1024x1024x1': matmul('1024×1024 · 1024×1', 1024, 1024, 1),
  chain: warm('1048576: gelu_tanh(x·1.5 + 0.5)·sigmoid(x)', traffic(2 ** 20, 2 ** 20), [
    normal('x', [2 ** 20], 2),
  ]),
  softmax: warm('512×1000, along rows', traffic(512 * 1000, 512 * 1000), [normal('x', [512, 1000], 3)]),
  'layer-norm': warm('2048×768, affine', traffic(2048 * 768 + 2 * 768, 2048 * 768), [
    normal('x', [2048, 768]),
    normal('weight', [768]),
    normal('bias', [768]),
  ]),
  // Some peers add four million numbers one after another.
  'sum-all': sum('all', 1, 1e-4),
  'sum-dim0': sum('dim 0', 1024),
  'sum-dim1': sum('dim 1', 4096),
  'conv-forward': warm('32×64×28×28, 64 filters 3×3, pad 1', flops(convolutionFlops), convolution),
  'conv-backward': warm(
    '32×64×28×28, 64 filters 3×3, pad 1, forward and all gradients',
    flops(3 * convolutionFlops),
    [...convolution, upstream([32, 64, 28, 28])],
    1e-4,
  ),
  'depthwise-forward': warm('16×64×56×56, 3×3, pad 1', traffic(image, image), depthwise),
  // One pass could do: reads x and g, writes the gradient of x; y serves the loss only as a sum.
  'depthwise-backward': warm(
    '16×64×56×56, 3×3, pad 1, forward and all gradients',
    traffic(2 * image, image),
    [...depthwise, upstream([16, 64, 56, 56])],
    1e-4,
  ),
  'attention-forward': warm('8×256×64, softmax(q·kᵀ/√64)·v', flops(attentionFlops), attention),
  // Four products give the gradients of two, and the forward pass is two.
  'attention-backward': warm('8×256×64, forward and all gradients', flops(3 * attentionFlops), [
    ...attention,
    upstream([8, 256, 64]),
  ]),
  additions: warm('1,000 dependent x ← x + y of 1,000', null, [
    normal('x', [1000]),
    normal('y', [1000], 1e-3),
  ]),
} as const satisfies Record<string, RowSpec>;
