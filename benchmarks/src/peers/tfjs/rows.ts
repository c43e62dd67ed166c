/** TensorFlow.js's rows. */
import * as tf from '@tensorflow/tfjs-core';
import type { Case, PeerRows } from '../../case.js';
import type { Inputs } from '../../inputs.js';
import { ADDITIONS } from '../../rows/kernels.js';
import { CHANNELS_LAST, forward, gelu, gradientsOf, load, normalize, of } from './cases.js';
import { adamUpdate, gptStep, lstm, mlpStep, tinyStep } from './training.js';

const product = (transposeA: boolean, transposeB: boolean) =>
  of((a, b) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D, transposeA, transposeB));

const matmul = product(false, false);

const attention = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor =>
  tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), 1 / 8)), v);

/** Images and filters in tfjs's layouts, [n, h, w, c] and [h, w, in, out]; for depthwise filters [h, w, in, 1]. */
function convolution(
  inputs: Inputs,
  filterOrder: number[],
  convolve: (x: tf.Tensor4D, filter: tf.Tensor4D) => tf.Tensor,
): Case {
  const x = tf.transpose(load(inputs.x), CHANNELS_LAST.own) as tf.Tensor4D;
  const filter = tf.transpose(load(inputs.weight), filterOrder) as tf.Tensor4D;
  const bias = load(inputs.bias);
  return forward(
    () => tf.add(convolve(x, filter), bias),
    (y) => tf.transpose(y, CHANNELS_LAST.pytorch),
  );
}

/** Of the WebAssembly backend. */
const NO_FILTER_GRADIENT = "no gradient of a convolution's filter";

export const rows: PeerRows = {
  'matmul-256': matmul,
  'matmul-512': matmul,
  'matmul-1024': matmul,
  'matmul-2048': matmul,
  'matmul-tn-512': product(true, false),
  'matmul-nt-512': product(false, true),
  'matmul-tt-512': product(true, true),
  'matmul-1x1024x1024': matmul,
  'matmul-4x1024x1024': matmul,
  'matmul-1024x1024x1': matmul,
  chain: of((x) => tf.mul(gelu(tf.add(tf.mul(x, 1.5), 0.5)), tf.sigmoid(x))),
  softmax: of((x) => tf.softmax(x, 1)),
  'layer-norm': of(normalize),
  'sum-all': of((x) => tf.sum(x)),
  'sum-dim0': of((x) => tf.sum(x, 0)),
  'sum-dim1': of((x) => tf.sum(x, 1)),
  'conv-forward': (inputs) =>
    convolution(inputs, [2, 3, 1, 0], (x, filter) => tf.conv2d(x, filter, 1, 'same')),
  'conv-backward': NO_FILTER_GRADIENT,
  'depthwise-forward': (inputs) =>
    convolution(inputs, [2, 3, 0, 1], (x, filter) => tf.depthwiseConv2d(x, filter, 1, 'same')),
  'depthwise-backward': NO_FILTER_GRADIENT,
  'attention-forward': of(attention),
  'attention-backward': gradientsOf(attention),
  additions: of((start, y) => {
    let x = start;
    for (let i = 0; i < ADDITIONS; i++) x = tf.add(x, y);
    return x;
  }),
  'mlp-step': mlpStep,
  'cnn-step': NO_FILTER_GRADIENT,
  lstm,
  'gpt-step': gptStep,
  'resnet-step': NO_FILTER_GRADIENT,
  'adam-1m': adamUpdate,
  'tiny-step': tinyStep,
  'import-first': of((a, b) => tf.relu(tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D))),
  'cold-mlp': mlpStep,
  'cold-gpt': gptStep,
};
