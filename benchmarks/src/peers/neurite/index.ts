/** Our own rows, written as a user would. */
import '@neurite/autograd';
import { functional } from '@neurite/nn';
import type { Tensor } from '@neurite/tensor';
import type { Case, PeerRows } from '../../case.js';
import type { Inputs } from '../../inputs.js';
import { ADDITIONS } from '../../rows/kernels.js';
import { withGradients } from './cases.js';
import { rows as first } from './first.js';
import { compileCases, of, startBackend } from './forward.js';
import { gptStep } from './gpt.js';
import { adamUpdate, cnnStep, lstm, mlpStep, resnetStep, tinyStep } from './training.js';

const gradientsOf =
  (compute: (...leaves: Tensor[]) => Tensor) =>
  (inputs: Inputs): Case =>
    withGradients(inputs, (leaves) => compute(...leaves));

const matmul = of((a, b) => a.matmul(b));

const convolution = (x: Tensor, weight: Tensor, bias: Tensor): Tensor =>
  functional.conv2d(x, weight, bias, { padding: 1 });

const depthwise = (x: Tensor, weight: Tensor, bias: Tensor): Tensor =>
  functional.conv2d(x, weight, bias, { padding: 1, groups: 64 });

const attention = (q: Tensor, k: Tensor, v: Tensor): Tensor => functional.scaledDotProductAttention(q, k, v);

export const rows: PeerRows = {
  'matmul-256': matmul,
  'matmul-512': matmul,
  'matmul-1024': matmul,
  'matmul-2048': matmul,
  'matmul-tn-512': of((a, b) => a.transpose(0, 1).matmul(b)),
  'matmul-nt-512': of((a, b) => a.matmul(b.transpose(0, 1))),
  'matmul-tt-512': of((a, b) => a.transpose(0, 1).matmul(b.transpose(0, 1))),
  'matmul-1x1024x1024': matmul,
  'matmul-4x1024x1024': matmul,
  'matmul-1024x1024x1': matmul,
  chain: of((x) => functional.gelu(x.mul(1.5).add(0.5), { approximate: 'tanh' }).mul(x.sigmoid())),
  softmax: of((x) => x.softmax(1)),
  'layer-norm': of((x, weight, bias) => functional.layerNorm(x, [768], weight, bias)),
  'sum-all': of((x) => x.sum()),
  'sum-dim0': of((x) => x.sum(0)),
  'sum-dim1': of((x) => x.sum(1)),
  'conv-forward': of(convolution),
  'conv-backward': gradientsOf(convolution),
  'depthwise-forward': of(depthwise),
  'depthwise-backward': gradientsOf(depthwise),
  'attention-forward': of(attention),
  'attention-backward': gradientsOf(attention),
  additions: of((start, y) => {
    let x = start;
    for (let i = 0; i < ADDITIONS; i++) x = x.add(y);
    return x;
  }),
  'mlp-step': mlpStep,
  'cnn-step': cnnStep,
  lstm,
  'gpt-step': gptStep,
  'resnet-step': resnetStep,
  'adam-1m': adamUpdate,
  'tiny-step': tinyStep,
  ...first,
  'cold-mlp': mlpStep,
  'cold-gpt': gptStep,
};

/** `compiled`: steps are replayed (`compile(fn)`), as jax-js's are. */
export async function open(threads: number, { compiled = false } = {}): Promise<PeerRows> {
  if (compiled) compileCases();
  await startBackend(threads);
  const same = 'starts like an uncompiled one';
  return compiled ? { ...rows, 'import-first': same, 'cold-mlp': same, 'cold-gpt': same } : rows;
}
