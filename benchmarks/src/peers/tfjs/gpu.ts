/** TensorFlow.js on WebGPU, with the rows that only this backend of it can compute. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-webgpu';
import type { Case, PeerRows } from '../../case.js';
import type { Inputs } from '../../inputs.js';
import { TRAINING } from '../../rows/training.js';
import {
  CHANNELS_LAST,
  FILTER,
  gradientsOf,
  linear,
  load,
  readResults,
  training,
  type Variables,
} from './cases.js';
import { rows } from './rows.js';

/** A variable of an input in another order of dimensions. */
const ordered = (inputs: Inputs, name: string, order: number[]): tf.Variable =>
  tf.variable(tf.transpose(load(inputs[name]), order));

/** Batch norm over images, as it is in training. */
function batchNorm(v: Variables, name: string, x: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return tf.batchNorm(
    x,
    mean as tf.Tensor1D,
    variance as tf.Tensor1D,
    v[`${name}.bias`] as tf.Tensor1D,
    v[`${name}.weight`] as tf.Tensor1D,
    1e-5,
  );
}

const convolve = (x: tf.Tensor, filter: tf.Tensor): tf.Tensor =>
  tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same');

function cnnStep(inputs: Inputs): Case {
  const x = tf.transpose(load(inputs.x), CHANNELS_LAST.own);
  const target = tf.oneHot(load(inputs.labels) as tf.Tensor1D, 10);
  // The classifier's columns are in the order of PyTorch's flattened images.
  const fc = tf.transpose(tf.reshape(load(inputs['fc.weight']), [10, 32, 7, 7]), [2, 3, 1, 0]);
  const v: Variables = {
    'conv1.weight': ordered(inputs, 'conv1.weight', FILTER.own),
    'conv1.bias': tf.variable(load(inputs['conv1.bias'])),
    'conv2.weight': ordered(inputs, 'conv2.weight', FILTER.own),
    'conv2.bias': tf.variable(load(inputs['conv2.bias'])),
    'fc.weight': tf.variable(tf.reshape(fc, [1568, 10])),
    'fc.bias': tf.variable(load(inputs['fc.bias'])),
  };
  const stage = (name: string, image: tf.Tensor): tf.Tensor => {
    const y = tf.add(convolve(image, v[`${name}.weight`]), v[`${name}.bias`]);
    return tf.maxPool(tf.relu(y) as tf.Tensor4D, 2, 2, 'valid');
  };
  const logits = () => linear(v, 'fc', tf.reshape(stage('conv2', stage('conv1', x)), [64, 1568]));
  const { lr, momentum } = TRAINING.sgd;
  const optimizer = tf.train.momentum(lr, momentum);
  return training(optimizer, () => tf.losses.softmaxCrossEntropy(target, logits()), logits);
}

function resnetStep(inputs: Inputs): Case {
  const [x, y] = [inputs.x, inputs.y].map((input) => tf.transpose(load(input), CHANNELS_LAST.own));
  const v: Variables = Object.fromEntries(
    Object.keys(inputs)
      .filter((name) => name.includes('.'))
      .map((name) => [
        name,
        name.startsWith('conv') ? ordered(inputs, name, FILTER.own) : tf.variable(load(inputs[name])),
      ]),
  );
  const stage = (i: number, image: tf.Tensor): tf.Tensor =>
    batchNorm(v, `bn${i}`, convolve(image, v[`conv${i}.weight`]));
  const output = () => tf.relu(tf.add(stage(2, tf.relu(stage(1, x))), x));
  const { lr, momentum } = TRAINING.resnet;
  return training(
    tf.train.momentum(lr, momentum),
    () => tf.mean(tf.squaredDifference(output(), y)),
    () => tf.transpose(output(), CHANNELS_LAST.pytorch),
  );
}

/** One filter per channel. */
const DEPTHWISE = { own: [2, 3, 0, 1], pytorch: [2, 3, 0, 1] };

const images = { y: CHANNELS_LAST, x: CHANNELS_LAST };

const onGpu: Partial<PeerRows> = {
  'conv-backward': gradientsOf((x, filter, bias) => tf.add(convolve(x, filter), bias), {
    ...images,
    weight: FILTER,
  }),
  'depthwise-backward': gradientsOf(
    (x, filter, bias) => tf.add(tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same'), bias),
    { ...images, weight: DEPTHWISE },
  ),
  'cnn-step': cnnStep,
  'resnet-step': resnetStep,
};

export async function openOnGpu(): Promise<PeerRows> {
  if (!(await tf.setBackend('webgpu'))) throw new Error('no WebGPU');
  readResults();
  return { ...rows, ...onGpu };
}
