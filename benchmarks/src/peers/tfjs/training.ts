/** tfjs's training steps. */
import * as tf from '@tensorflow/tfjs-core';
import type { Case } from '../../case.js';
import type { Inputs } from '../../inputs.js';
import { GPT, LSTM, TRAINING, UPDATED } from '../../rows/training.js';
import {
  finish,
  gelu,
  gradientsOf,
  linear,
  load,
  normalize,
  training,
  type Variables,
  variablesOf,
} from './cases.js';

const adam = (): tf.AdamOptimizer => {
  const { lr, beta1, beta2, eps } = TRAINING.adam;
  return tf.train.adam(lr, beta1, beta2, eps);
};

export function mlpStep(inputs: Inputs): Case {
  const x = load(inputs.x);
  const v = variablesOf(inputs);
  const target = tf.oneHot(load(inputs.labels) as tf.Tensor1D, 10);
  const logits = () => linear(v, 'fc3', tf.relu(linear(v, 'fc2', tf.relu(linear(v, 'fc1', x)))));
  return training(adam(), () => tf.losses.softmaxCrossEntropy(target, logits()), logits);
}

/** The products with the inputs are one for all steps. */
export const lstm = gradientsOf((x, weightIh, weightHh, biasIh, biasHh) => {
  const { inputs, hidden, length, batch } = LSTM;
  const rows = tf.reshape(x, [length * batch, inputs]) as tf.Tensor2D;
  const products = tf.matMul(rows, weightIh as tf.Tensor2D, false, true);
  const fromInputs = tf.add(products, tf.add(biasIh, biasHh));
  const outputs: tf.Tensor[] = [];
  let h: tf.Tensor | undefined;
  let c: tf.Tensor | undefined;
  for (const own of tf.split(fromInputs, length, 0)) {
    const gates: tf.Tensor = h
      ? tf.add(own, tf.matMul(h as tf.Tensor2D, weightHh as tf.Tensor2D, false, true))
      : own;
    const [i, f, cell, o] = tf.split(gates, 4, 1);
    const fresh: tf.Tensor = tf.mul(tf.sigmoid(i), tf.tanh(cell));
    c = c ? tf.add(tf.mul(tf.sigmoid(f), c), fresh) : fresh;
    h = tf.mul(tf.sigmoid(o), tf.tanh(c));
    outputs.push(h);
  }
  return tf.reshape(tf.concat(outputs, 0), [length, batch, hidden]);
});

function attention(v: Variables, name: string, x: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  const { width, heads, length, batch } = GPT;
  const [query, key, value] = tf
    .split(linear(v, `${name}.qkv`, x), 3, 2)
    .map((part) => tf.transpose(tf.reshape(part, [batch, length, heads, width / heads]), [0, 2, 1, 3]));
  const scores = tf.mul(tf.matMul(query, key, false, true), 1 / Math.sqrt(width / heads));
  const attended = tf.matMul(tf.softmax(tf.add(scores, mask)), value);
  const joined = tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [batch, length, width]);
  return linear(v, `${name}.projection`, joined);
}

/** There is no AdamW, so the decay goes before Adam's step, and no gradient of a gather, so tokens come one-hot. */
export function gptStep(inputs: Inputs): Case {
  const { layers, length, batch, width, vocabulary } = GPT;
  const v = variablesOf(inputs);
  const oneHot = (name: string) => tf.oneHot(tf.reshape(load(inputs[name]), [-1]) as tf.Tensor1D, vocabulary);
  const [tokens, target] = [tf.cast(oneHot('tokens'), 'float32') as tf.Tensor2D, oneHot('targets')];
  const mask = tf.tensor2d(
    Float32Array.from({ length: length * length }, (_, i) =>
      i % length > Math.floor(i / length) ? -1e9 : 0,
    ),
    [length, length],
  );
  const norm = (name: string, x: tf.Tensor) => normalize(x, v[`${name}.weight`], v[`${name}.bias`]);
  const logits = (): tf.Tensor => {
    const embedded = tf.matMul(tokens, v['token.weight'] as tf.Variable<tf.Rank.R2>);
    let x = tf.add(tf.reshape(embedded, [batch, length, width]), v['position.weight']);
    for (let i = 0; i < layers; i++) {
      x = tf.add(x, attention(v, `${i}`, norm(`${i}.ln1`, x), mask));
      x = tf.add(x, linear(v, `${i}.down`, gelu(linear(v, `${i}.up`, norm(`${i}.ln2`, x)))));
    }
    return tf.reshape(linear(v, 'head', norm('ln', x)), [-1, vocabulary]);
  };
  const { lr, beta1, beta2, eps, weightDecay } = TRAINING.adamw;
  const optimizer = tf.train.adam(lr, beta1, beta2, eps);
  const apply = optimizer.applyGradients.bind(optimizer);
  optimizer.applyGradients = (gradients) => {
    tf.tidy(() => {
      for (const variable of Object.values(v)) variable.assign(tf.mul(variable, 1 - lr * weightDecay));
    });
    apply(gradients);
  };
  return training(optimizer, () => tf.losses.softmaxCrossEntropy(target, logits()), logits);
}

export function adamUpdate(inputs: Inputs): Case {
  const indices = Array.from({ length: UPDATED.count }, (_, i) => i);
  const parameters = indices.map((i) => tf.variable(load(inputs[`parameter${i}`])));
  const gradients = parameters.map(({ name }, i) => ({ name, tensor: load(inputs[`gradient${i}`]) }));
  const optimizer = adam();
  const run = (): void => optimizer.applyGradients(gradients);
  return {
    async run() {
      run();
      await finish(parameters[0]);
    },
    async check() {
      for (let i = 0; i < TRAINING.checkedSteps; i++) run();
      return Promise.all(parameters.map(async (p) => Float32Array.from(await p.data())));
    },
  };
}

export function tinyStep(inputs: Inputs): Case {
  const [x, y] = [load(inputs.x), load(inputs.y)];
  const v = variablesOf(inputs);
  const output = () => linear(v, 'fc2', tf.tanh(linear(v, 'fc1', x)));
  return training(tf.train.sgd(TRAINING.tiny.lr), () => tf.mean(tf.squaredDifference(output(), y)), output);
}
