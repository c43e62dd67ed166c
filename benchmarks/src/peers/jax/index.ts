/** jax-js, everything under `jit`. */
import { defaultDevice, init, type Array as JaxArray, jit, nn, numpy as np } from '@jax-js/jax';
import type { Case, PeerRows } from '../../case.js';
import type { Inputs } from '../../inputs.js';
import { ADDITIONS } from '../../rows/kernels.js';
import { type Compute, gradientsOf, load, measured, of, readResults } from './cases.js';
import {
  adamUpdate,
  cnnStep,
  convolve,
  gptStep,
  lstm,
  mlpStep,
  perChannel,
  resnetStep,
  tinyStep,
} from './training.js';

const matmul = of((a, b) => np.matmul(a, b));

const convolution: Compute = (x, weight, bias) => convolve(x, weight, 1).add(perChannel(bias));

const depthwise: Compute = (x, weight, bias) => convolve(x, weight, 1, 64).add(perChannel(bias));

const attention: Compute = (q, k, v) =>
  np.matmul(nn.softmax(np.matmul(q, np.matrixTranspose(k)).mul(1 / 8), -1), v);

function additions(inputs: Inputs): Case {
  // Tracing 1,000 additions overflows the stack; one call per addition takes 500 times as long.
  const chunk = ADDITIONS / 4;
  const add = jit((start: JaxArray, y: JaxArray): JaxArray => {
    let x = start;
    for (let i = 0; i < chunk; i++) x = x.add(y.ref);
    y.dispose();
    return x;
  });
  const [start, y] = [load(inputs.x), load(inputs.y)];
  return measured(() => {
    let x = start.ref;
    for (let i = 0; i < ADDITIONS; i += chunk) x = add(x, y.ref);
    return x;
  });
}

const rows: PeerRows = {
  'matmul-256': matmul,
  'matmul-512': matmul,
  'matmul-1024': matmul,
  'matmul-2048': matmul,
  'matmul-tn-512': of((a, b) => np.matmul(np.transpose(a), b)),
  'matmul-nt-512': of((a, b) => np.matmul(a, np.transpose(b))),
  'matmul-tt-512': of((a, b) => np.matmul(np.transpose(a), np.transpose(b))),
  'matmul-1x1024x1024': matmul,
  'matmul-4x1024x1024': matmul,
  'matmul-1024x1024x1': matmul,
  chain: of((x) => nn.gelu(x.ref.mul(1.5).add(0.5), { approximate: true }).mul(nn.sigmoid(x))),
  softmax: of((x) => nn.softmax(x, 1)),
  'layer-norm': of((x, weight, bias) => nn.standardize(x, -1, { epsilon: 1e-5 }).mul(weight).add(bias)),
  'sum-all': of((x) => np.sum(x)),
  'sum-dim0': of((x) => np.sum(x, 0)),
  'sum-dim1': of((x) => np.sum(x, 1)),
  'conv-forward': of(convolution),
  'conv-backward': gradientsOf(convolution),
  'depthwise-forward': of(depthwise),
  'depthwise-backward': gradientsOf(depthwise),
  'attention-forward': of(attention),
  'attention-backward': gradientsOf(attention),
  additions,
  'mlp-step': mlpStep,
  'cnn-step': cnnStep,
  lstm,
  'gpt-step': gptStep,
  'resnet-step': resnetStep,
  'adam-1m': adamUpdate,
  'tiny-step': tinyStep,
  'import-first': of((a, b) => nn.relu(np.matmul(a, b))),
  'cold-mlp': mlpStep,
  'cold-gpt': gptStep,
};

/** On its WebAssembly backend. */
export async function open(): Promise<PeerRows> {
  await init('wasm');
  defaultDevice('wasm');
  return rows;
}

export async function openOnGpu(): Promise<PeerRows> {
  const devices = await init('webgpu');
  if (!devices.includes('webgpu')) throw new Error('no WebGPU');
  defaultDevice('webgpu');
  readResults();
  return rows;
}
