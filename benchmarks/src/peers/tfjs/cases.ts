/** What tfjs's rows have in common. Kernels run when an op is called; `tidy` frees what is in between. */
import * as tf from '@tensorflow/tfjs-core';
import type { Case } from '../../case.js';
import { type Input, type Inputs, transposed } from '../../inputs.js';
import { TRAINING } from '../../rows/training.js';

export const load = ({ data, shape }: Input): tf.Tensor =>
  tf.tensor(data, shape as number[], data instanceof Float32Array ? 'float32' : 'int32');

async function numbers(t: tf.Tensor): Promise<Float32Array> {
  const values = Float32Array.from(await t.data());
  t.dispose();
  return values;
}

let reading = false;

/** From now on a call ends when its result (of several the first) is on the host: on a GPU nothing else tells. */
export function readResults(): void {
  reading = true;
}

/** Waits for a result where it is not there yet. */
export async function finish(result: tf.Tensor): Promise<void> {
  if (reading) await result.data();
}

/** `asInPyTorch` brings the result to PyTorch's layout where tfjs has another. */
export function forward(compute: () => tf.Tensor, asInPyTorch = (y: tf.Tensor): tf.Tensor => y): Case {
  return {
    async run() {
      const y = tf.tidy(compute);
      await finish(y);
      y.dispose();
    },
    check: async () => [await numbers(tf.tidy(() => asInPyTorch(compute())))],
  };
}

export type Compute = (...inputs: tf.Tensor[]) => tf.Tensor;

/** A forward row of the inputs in their order. */
export const of =
  (compute: Compute) =>
  (inputs: Inputs): Case => {
    const tensors = Object.values(inputs).map(load);
    return forward(() => compute(...tensors));
  };

/** tfjs's order of dimensions, and PyTorch's, by the name of the tensor; those that are not named have the same order. */
export type Layouts = Readonly<Record<string, { readonly own: number[]; readonly pytorch: number[] }>>;

/** Images. */
export const CHANNELS_LAST = { own: [0, 2, 3, 1], pytorch: [0, 3, 1, 2] };
/** Filters: height, width, inputs, outputs. */
export const FILTER = { own: [2, 3, 1, 0], pytorch: [3, 2, 0, 1] };

/** The loss Σ y·g and the gradients of all inputs but `g`. `layouts` also of the result, `y`. */
export const gradientsOf =
  (compute: Compute, layouts: Layouts = {}) =>
  (inputs: Inputs): Case => {
    const { g, ...rest } = inputs;
    const loadAs = (name: string, input: Input): tf.Tensor =>
      layouts[name] ? tf.tidy(() => tf.transpose(load(input), layouts[name].own)) : load(input);
    const asInPyTorch = (name: string, t: tf.Tensor): tf.Tensor =>
      layouts[name] ? tf.transpose(t, layouts[name].pytorch) : t;
    const names = Object.keys(rest);
    const leaves = names.map((name) => loadAs(name, rest[name]));
    const upstream = loadAs('y', g);
    const both = tf.valueAndGrads((...own: tf.Tensor[]) => tf.sum(tf.mul(compute(...own), upstream)));
    return {
      async run() {
        const { value, grads } = both(leaves);
        await finish(value);
        tf.dispose([value, ...grads]);
      },
      async check() {
        const y = tf.tidy(() => compute(...leaves));
        const { value, grads } = both(leaves);
        value.dispose();
        const results = [y, ...grads].map((t, i) => asInPyTorch(i === 0 ? 'y' : names[i - 1], t));
        return Promise.all(results.map(numbers));
      },
    };
  };

/** A training step and what is compared after the checked ones. */
export function training(optimizer: tf.Optimizer, loss: () => tf.Tensor, output: () => tf.Tensor): Case {
  const step = async (): Promise<number> => {
    const value = optimizer.minimize(loss as () => tf.Scalar, true)!;
    const [number] = await value.data();
    value.dispose();
    return number;
  };
  return {
    run: async () => {
      await step();
    },
    async check() {
      const losses: number[] = [];
      for (let i = 0; i < TRAINING.checkedSteps; i++) losses.push(await step());
      return [Float32Array.from(losses), await numbers(tf.tidy(output))];
    },
  };
}

export type Variables = Readonly<Record<string, tf.Variable>>;

/** The inputs whose names have a dot; matrices of linear layers as tfjs keeps them, [in, out]. */
export function variablesOf(inputs: Inputs): Variables {
  const isLinear = (name: string, { shape }: Input) =>
    shape.length === 2 && name !== 'token.weight' && name !== 'position.weight';
  const variable = (name: string, input: Input): tf.Variable =>
    tf.variable(
      isLinear(name, input) ? tf.tensor(transposed(input), [input.shape[1], input.shape[0]]) : load(input),
    );
  return Object.fromEntries(
    Object.entries(inputs)
      .filter(([name]) => name.includes('.'))
      .map(([name, input]) => [name, variable(name, input)]),
  );
}

/** Of the last dimension. */
export function linear(v: Variables, name: string, x: tf.Tensor): tf.Tensor {
  const weight = v[`${name}.weight`];
  const rows = tf.reshape(x, [-1, weight.shape[0]]);
  const product = tf.add(
    tf.matMul(rows as tf.Tensor2D, weight as tf.Variable<tf.Rank.R2>),
    v[`${name}.bias`],
  );
  return tf.reshape(product, [...x.shape.slice(0, -1), weight.shape[1]!]);
}

/** gelu in its tanh form. */
export function gelu(u: tf.Tensor): tf.Tensor {
  const cubed = tf.mul(tf.mul(u, u), u);
  const inner = tf.mul(tf.add(u, tf.mul(cubed, 0.044715)), Math.sqrt(2 / Math.PI));
  return tf.mul(tf.mul(u, 0.5), tf.add(tf.tanh(inner), 1));
}

/** Layer norm over the last dimension. */
export function normalize(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), weight), bias);
}
