/** TensorFlow.js on its WebAssembly backend (SIMD; in Node it has no threads). */
import { register } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import type { Case, PeerRows } from '../case.js';
import { type Input, type Inputs, transposed } from '../inputs.js';
import { ADDITIONS, TRAINING } from '../rows.js';

/**
 * tfjs-core ships its gradients only as modules for bundlers, whose imports lack `.js`; this lets Node find them. They register
 * themselves in a global table that the package's main module reads too.
 */
const resolver = `export const resolve = (specifier, context, next) =>
  next(specifier, context).catch(() => next(specifier + '.js', context));`;
register(`data:text/javascript,${encodeURIComponent(resolver)}`);
await import('@tensorflow/tfjs-core/dist/register_all_gradients.js');

await tf.setBackend('wasm');

const load = ({ data, shape }: Input): tf.Tensor =>
  tf.tensor(data, shape as number[], data instanceof Float32Array ? 'float32' : 'int32');

/** Kernels run when an op is called; `tidy` frees what is in between. */
function forward(compute: () => tf.Tensor): Case {
  return {
    run() {
      tf.tidy(compute).dispose();
    },
    async check() {
      const result = tf.tidy(compute);
      const values = Float32Array.from(await result.data());
      result.dispose();
      return [values];
    },
  };
}

function training(optimizer: tf.Optimizer, model: () => tf.Tensor2D, labels: Input): Case {
  const oneHot = tf.oneHot(load(labels) as tf.Tensor1D, 10);
  const step = async (): Promise<number> => {
    const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(oneHot, model()) as tf.Scalar, true)!;
    const [value] = await loss.data();
    loss.dispose();
    return value;
  };
  return {
    run: async () => {
      await step();
    },
    async check() {
      const losses: number[] = [];
      for (let i = 0; i < TRAINING.checkedSteps; i++) losses.push(await step());
      return [Float32Array.from(losses), Float32Array.from(await tf.tidy(model).data())];
    },
  };
}

const variable = (input: Input): tf.Variable => tf.variable(load(input));

/** A linear layer's weight as tfjs keeps it, [in, out]. */
const kernel = (input: Input): tf.Variable =>
  tf.variable(tf.tensor(transposed(input), [input.shape[1], input.shape[0]]));

/** A convolution's weight as tfjs keeps it, [height, width, in, out]. */
const filter = (input: Input): tf.Variable<tf.Rank.R4> =>
  tf.variable(tf.transpose(load(input), [2, 3, 1, 0]) as tf.Tensor4D);

function matmul(inputs: Inputs): Case {
  const [a, b] = [load(inputs.a), load(inputs.b)];
  return forward(() => tf.matMul(a, b));
}

function sum(inputs: Inputs, dim?: number): Case {
  const x = load(inputs.x);
  return forward(() => tf.sum(x, dim));
}

export const rows: PeerRows = {
  'matmul-256': matmul,
  'matmul-512': matmul,
  'matmul-1024': matmul,
  chain(inputs) {
    const x = load(inputs.x);
    return forward(() => {
      const u = tf.add(tf.mul(x, 1.5), 0.5);
      const cubed = tf.mul(tf.mul(u, u), u);
      const inner = tf.mul(tf.add(u, tf.mul(cubed, 0.044715)), Math.sqrt(2 / Math.PI));
      const gelu = tf.mul(tf.mul(u, 0.5), tf.add(tf.tanh(inner), 1));
      return tf.mul(gelu, tf.sigmoid(x));
    });
  },
  softmax(inputs) {
    const x = load(inputs.x);
    return forward(() => tf.softmax(x, 1));
  },
  'layer-norm'(inputs) {
    const [x, weight, bias] = [load(inputs.x), load(inputs.weight), load(inputs.bias)];
    return forward(() => {
      const { mean, variance } = tf.moments(x, 1, true);
      return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), weight), bias);
    });
  },
  'sum-all': (inputs) => sum(inputs),
  'sum-dim0': (inputs) => sum(inputs, 0),
  'sum-dim1': (inputs) => sum(inputs, 1),
  'mlp-step'(inputs) {
    const x = load(inputs.x) as tf.Tensor2D;
    const layers = ['fc1', 'fc2', 'fc3'].map((name) => ({
      weight: kernel(inputs[`${name}.weight`]),
      bias: variable(inputs[`${name}.bias`]),
    }));
    const { lr, beta1, beta2, eps } = TRAINING.adam;
    return training(
      tf.train.adam(lr, beta1, beta2, eps),
      () =>
        layers.reduce<tf.Tensor>((h, { weight, bias }, i) => {
          const z = tf.add(tf.matMul(h, weight), bias);
          return i < layers.length - 1 ? tf.relu(z) : z;
        }, x) as tf.Tensor2D,
      inputs.labels,
    );
  },
  'cnn-step'(inputs) {
    const x = tf.transpose(load(inputs.x), [0, 2, 3, 1]) as tf.Tensor4D;
    const filters = ['conv1', 'conv2'].map((name) => ({
      weight: filter(inputs[`${name}.weight`]),
      bias: variable(inputs[`${name}.bias`]),
    }));
    const [weight, bias] = [kernel(inputs['fc.weight']), variable(inputs['fc.bias'])];
    const { lr, momentum } = TRAINING.sgd;
    return training(
      tf.train.momentum(lr, momentum),
      () => {
        const h = filters.reduce(
          (h, { weight, bias }) =>
            tf.maxPool(tf.relu(tf.add(tf.conv2d(h, weight, 1, 'same'), bias)) as tf.Tensor4D, 2, 2, 'valid'),
          x,
        );
        return tf.add(
          tf.matMul(tf.reshape(tf.transpose(h, [0, 3, 1, 2]), [64, 1568]), weight),
          bias,
        ) as tf.Tensor2D;
      },
      inputs.labels,
    );
  },
  additions(inputs) {
    const [start, y] = [load(inputs.x), load(inputs.y)];
    return forward(() => {
      let x = start;
      for (let i = 0; i < ADDITIONS; i++) x = tf.add(x, y);
      return x;
    });
  },
};
