/** What is measured, as data: each row's name, sizes and inputs. How a peer computes a row is the peer's own file. */

/** How numbers are drawn: normal times `scale`, uniform in ±`scale` or from 0 to `scale`, whole numbers below `scale`. */
export interface InputSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly draw: 'normal' | 'uniform' | 'positive' | 'labels';
  readonly scale: number;
}

export interface RowSpec {
  /** Shapes as the table shows them. */
  readonly shapes: string;
  readonly dtype: 'f32';
  readonly inputs: readonly InputSpec[];
  /**
   * Largest difference between two peers' results, divided by the largest magnitude in the result, at which they
   * agree: float32 sums in another order differ by about √n · 6e-8 of their terms' size.
   */
  readonly tolerance: number;
}

const normal = (name: string, shape: readonly number[], scale = 1): InputSpec => ({
  name,
  shape,
  draw: 'normal',
  scale,
});

/** Weight and bias in PyTorch's layout and default range, ±1/√fanIn. */
function layer(name: string, weight: readonly number[]): InputSpec[] {
  const scale = 1 / Math.sqrt(weight.slice(1).reduce((a, b) => a * b));
  return [
    { name: `${name}.weight`, shape: weight, draw: 'uniform', scale },
    { name: `${name}.bias`, shape: [weight[0]], draw: 'uniform', scale },
  ];
}

const labels = (count: number): InputSpec => ({ name: 'labels', shape: [count], draw: 'labels', scale: 10 });

const matmul = (n: number): RowSpec => ({
  shapes: `${n}×${n}`,
  dtype: 'f32',
  inputs: [normal('a', [n, n]), normal('b', [n, n])],
  tolerance: 1e-5,
});

const sum = (over: string, tolerance = 1e-5): RowSpec => ({
  shapes: `4096×1024, ${over}`,
  dtype: 'f32',
  // Positive, because the sum of numbers around 0 is near 0 and says nothing about the error.
  inputs: [{ name: 'x', shape: [4096, 1024], draw: 'positive', scale: 1 }],
  tolerance,
});

export const ROWS = {
  'matmul-256': matmul(256),
  'matmul-512': matmul(512),
  'matmul-1024': matmul(1024),
  chain: {
    shapes: '1048576: gelu_tanh(x·1.5 + 0.5)·sigmoid(x)',
    dtype: 'f32',
    inputs: [normal('x', [2 ** 20], 2)],
    tolerance: 1e-5,
  },
  softmax: {
    shapes: '512×1000, along rows',
    dtype: 'f32',
    inputs: [normal('x', [512, 1000], 3)],
    tolerance: 1e-5,
  },
  'layer-norm': {
    shapes: '2048×768, affine',
    dtype: 'f32',
    inputs: [normal('x', [2048, 768]), normal('weight', [768]), normal('bias', [768])],
    tolerance: 1e-5,
  },
  // Some peers add four million numbers one after another.
  'sum-all': sum('all', 1e-4),
  'sum-dim0': sum('dim 0'),
  'sum-dim1': sum('dim 1'),
  'mlp-step': {
    shapes: '784-512-256-10, batch 128, ReLU, cross-entropy, Adam',
    dtype: 'f32',
    inputs: [
      normal('x', [128, 784]),
      labels(128),
      ...layer('fc1', [512, 784]),
      ...layer('fc2', [256, 512]),
      ...layer('fc3', [10, 256]),
    ],
    tolerance: 1e-3,
  },
  'cnn-step': {
    shapes: '1×28×28, conv5 16, pool, conv5 32, pool, linear 10, batch 64, SGD momentum',
    dtype: 'f32',
    inputs: [
      normal('x', [64, 1, 28, 28]),
      labels(64),
      ...layer('conv1', [16, 1, 5, 5]),
      ...layer('conv2', [32, 16, 5, 5]),
      ...layer('fc', [10, 1568]),
    ],
    tolerance: 1e-3,
  },
  additions: {
    shapes: '1,000 dependent x ← x + y of 1,000',
    dtype: 'f32',
    inputs: [normal('x', [1000]), normal('y', [1000], 1e-3)],
    tolerance: 1e-5,
  },
} as const satisfies Record<string, RowSpec>;

export type RowName = keyof typeof ROWS;

export const ROW_NAMES = Object.keys(ROWS) as RowName[];

/** Shared by all peers' training steps. Small, so that hundreds of steps on one batch change little. */
export const TRAINING = {
  adam: { lr: 1e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8 },
  sgd: { lr: 1e-3, momentum: 0.9 },
  /** Steps whose losses, with the logits after them, are compared. */
  checkedSteps: 3,
} as const;

/** How many additions the row of that name chains. */
export const ADDITIONS = 1000;
