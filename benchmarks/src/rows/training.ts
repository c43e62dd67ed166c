/** Training steps: zeroGrad, forward, backward, update, reading the loss. */
import {
  flops,
  type InputSpec,
  labels,
  layer,
  normal,
  positive,
  type RowSpec,
  traffic,
  uniform,
  warm,
} from './spec.js';

/** Shared by all peers. Rates are such that hundreds of steps on one batch stay tame. */
export const TRAINING = {
  adam: { lr: 1e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8 },
  adamw: { lr: 3e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 },
  sgd: { lr: 1e-3, momentum: 0.9 },
  resnet: { lr: 0.1, momentum: 0.9 },
  tiny: { lr: 0.05 },
  /** Steps whose losses, with the outputs after them, are compared. */
  checkedSteps: 3,
} as const;

export const GPT = { layers: 4, width: 128, heads: 4, length: 64, batch: 8, vocabulary: 65 } as const;

export const LSTM = { inputs: 64, hidden: 128, length: 32, batch: 32 } as const;

/** The parameters whose update alone is timed: so many of these sizes. */
export const UPDATED = { count: 8, shape: [128, 1024] } as const;

/** Multiplications and additions of linear layers in a step; the first one's input needs no gradient. */
const linearSteps = (batch: number, sizes: readonly number[]): number =>
  sizes.slice(1).reduce((total, out, i) => total + (i === 0 ? 2 : 3) * 2 * batch * sizes[i] * out, 0);

export const MLP_INPUTS: readonly InputSpec[] = [
  normal('x', [128, 784]),
  labels('labels', [128], 10),
  ...layer('fc1', [512, 784]),
  ...layer('fc2', [256, 512]),
  ...layer('fc3', [10, 256]),
];

const cnnFlops =
  2 * (2 * 64 * 28 * 28 * 16 * 25) + 3 * (2 * 64 * 14 * 14 * 32 * 16 * 25) + 3 * (2 * 64 * 1568 * 10);

/** Gates in PyTorch's order: input, forget, cell, output. */
function lstmInputs(): InputSpec[] {
  const { inputs, hidden, length, batch } = LSTM;
  const scale = 1 / Math.sqrt(hidden);
  return [
    normal('x', [length, batch, inputs]),
    uniform('weightIh', [4 * hidden, inputs], scale),
    uniform('weightHh', [4 * hidden, hidden], scale),
    uniform('biasIh', [4 * hidden], scale),
    uniform('biasHh', [4 * hidden], scale),
    normal('g', [length, batch, hidden]),
  ];
}

const lstmFlops = 3 * 2 * LSTM.length * LSTM.batch * (LSTM.inputs + LSTM.hidden) * 4 * LSTM.hidden;

/** In the order in which PyTorch's module registers them. */
export function gptInputs(): InputSpec[] {
  const { layers, width, length, batch, vocabulary } = GPT;
  const norm = (name: string): InputSpec[] => [
    positive(`${name}.weight`, [width]),
    uniform(`${name}.bias`, [width], 0.1),
  ];
  const block = (i: number): InputSpec[] => [
    ...norm(`${i}.ln1`),
    ...layer(`${i}.qkv`, [3 * width, width]),
    ...layer(`${i}.projection`, [width, width]),
    ...norm(`${i}.ln2`),
    ...layer(`${i}.up`, [4 * width, width]),
    ...layer(`${i}.down`, [width, 4 * width]),
  ];
  return [
    labels('tokens', [batch, length], vocabulary),
    labels('targets', [batch, length], vocabulary),
    normal('token.weight', [vocabulary, width], 0.1),
    normal('position.weight', [length, width], 0.1),
    ...Array.from({ length: layers }, (_, i) => block(i)).flat(),
    ...norm('ln'),
    ...layer('head', [vocabulary, width]),
  ];
}

/** The causal mask is not taken into account: no peer skips what it hides. */
function gptFlops(): number {
  const { layers, width, length, batch, vocabulary } = GPT;
  const perToken = layers * (2 * width * 12 * width + 2 * 2 * length * width) + 2 * width * vocabulary;
  return 3 * batch * length * perToken;
}

/** Weight and bias of a convolution and of the batch norm behind it. */
const convolutionAndNorm = (i: number): InputSpec[] => [
  uniform(`conv${i}.weight`, [64, 64, 3, 3], 1 / 24),
  positive(`bn${i}.weight`, [64]),
  uniform(`bn${i}.bias`, [64], 0.1),
];

const numelOfUpdated = UPDATED.count * UPDATED.shape[0] * UPDATED.shape[1];

export const TRAINING_ROWS = {
  'mlp-step': warm(
    '784-512-256-10, batch 128, ReLU, cross-entropy, Adam',
    flops(linearSteps(128, [784, 512, 256, 10])),
    MLP_INPUTS,
    1e-3,
  ),
  'cnn-step': warm(
    '1×28×28, conv5 16, pool, conv5 32, pool, linear 10, batch 64, SGD momentum',
    flops(cnnFlops),
    [
      normal('x', [64, 1, 28, 28]),
      labels('labels', [64], 10),
      ...layer('conv1', [16, 1, 5, 5]),
      ...layer('conv2', [32, 16, 5, 5]),
      ...layer('fc', [10, 1568]),
    ],
    1e-3,
  ),
  lstm: warm(
    '64→128, sequence 32, batch 32, forward and all gradients',
    flops(lstmFlops),
    lstmInputs(),
    1e-4,
  ),
  'gpt-step': warm(
    '4 layers, width 128, 4 heads, T 64, batch 8, vocabulary 65, AdamW',
    flops(gptFlops()),
    gptInputs(),
    1e-3,
  ),
  // Two convolutions forward, two gradients of filters, one of an input: the block's own input needs none.
  'resnet-step': warm(
    '16×64×32×32, conv3-bn-relu-conv3-bn-add-relu, squared error, SGD momentum',
    flops(5 * 2 * 16 * 64 * 32 * 32 * 64 * 9),
    [
      normal('x', [16, 64, 32, 32]),
      normal('y', [16, 64, 32, 32]),
      ...convolutionAndNorm(1),
      ...convolutionAndNorm(2),
    ],
    1e-3,
  ),
  // Reads parameter, gradient and both moments, writes all but the gradient.
  'adam-1m': warm(
    `${UPDATED.count} parameters of ${UPDATED.shape.join('×')}, Adam`,
    traffic(4 * numelOfUpdated, 3 * numelOfUpdated),
    Array.from({ length: UPDATED.count }, (_, i) => [
      normal(`parameter${i}`, UPDATED.shape),
      normal(`gradient${i}`, UPDATED.shape),
    ]).flat(),
  ),
  'tiny-step': warm(
    '2-8-1, batch 4, tanh, squared error, SGD',
    null,
    [normal('x', [4, 2]), normal('y', [4, 1]), ...layer('fc1', [8, 2]), ...layer('fc2', [1, 8])],
    1e-4,
  ),
} as const satisfies Record<string, RowSpec>;
