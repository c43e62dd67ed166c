/** jax-js's training steps. */
import { type Array as JaxArray, jit, lax, nn, numpy as np } from '@jax-js/jax';
import type { Case } from '../../case.js';
import type { Inputs } from '../../inputs.js';
import { GPT, LSTM, TRAINING, UPDATED } from '../../rows/training.js';
import {
  type Arrays,
  crossEntropy,
  gradientsOf,
  linear,
  load,
  measured,
  parametersOf,
  type State,
  training,
} from './cases.js';
import { adam, adamW, descent, momentum, resnetMomentum } from './updates.js';

const classes = (inputs: Inputs): Arrays => ({
  x: load(inputs.x),
  target: nn.oneHot(load(inputs.labels), 10),
});

export function mlpStep(inputs: Inputs): Case {
  return training({
    parameters: parametersOf(inputs),
    batch: classes(inputs),
    predict: (p, { x }) => linear(p, 'fc3', nn.relu(linear(p, 'fc2', nn.relu(linear(p, 'fc1', x))))),
    loss: (logits, { target }) => crossEntropy(logits, target),
    update: adam,
  });
}

/** Max-pooling of 2×2: as a maximum over axes, which is faster here than `lax.reduceWindow` and has a gradient. */
function maxPool(x: JaxArray): JaxArray {
  const [n, c, h, w] = x.shape;
  return np.max(x.reshape([n, c, h / 2, 2, w / 2, 2]), [3, 5]);
}

/** Stride 1, the same padding on all sides. */
export const convolve = (x: JaxArray, weight: JaxArray, padding: number, groups = 1): JaxArray =>
  lax.convGeneralDilated(
    x,
    weight,
    [1, 1],
    [
      [padding, padding],
      [padding, padding],
    ],
    { featureGroupCount: groups },
  );

export const perChannel = (a: JaxArray): JaxArray => a.reshape([1, -1, 1, 1]);

export function cnnStep(inputs: Inputs): Case {
  const stage = (p: Arrays, name: string, x: JaxArray): JaxArray =>
    maxPool(nn.relu(convolve(x, p[`${name}.weight`], 2).add(perChannel(p[`${name}.bias`]))));
  return training({
    parameters: parametersOf(inputs),
    batch: classes(inputs),
    predict: (p, { x }) => linear(p, 'fc', stage(p, 'conv2', stage(p, 'conv1', x)).reshape([64, 1568])),
    loss: (logits, { target }) => crossEntropy(logits, target),
    update: momentum,
  });
}

/** The products with the inputs are one for all steps. */
export const lstm = gradientsOf((x, weightIh, weightHh, biasIh, biasHh) => {
  const { length } = LSTM;
  const fromInputs = np.matmul(x, np.transpose(weightIh)).add(biasIh.add(biasHh));
  const recurrent = np.transpose(weightHh);
  const steps = np.split(fromInputs, length, 0).map((step) => np.squeeze(step, 0));
  const outputs: JaxArray[] = [];
  let h: JaxArray | undefined;
  let c: JaxArray | undefined;
  for (const own of steps) {
    const gates: JaxArray = h ? own.add(np.matmul(h, recurrent.ref)) : own;
    const [i, f, cell, o] = np.split(gates, 4, 1);
    const fresh: JaxArray = nn.sigmoid(i).mul(np.tanh(cell));
    if (c) c = nn.sigmoid(f).mul(c).add(fresh);
    else {
      f.dispose();
      c = fresh;
    }
    h = nn.sigmoid(o).mul(np.tanh(c.ref));
    outputs.push(h.ref);
  }
  for (const last of [h, c, recurrent]) last!.dispose();
  return np.stack(outputs, 0);
});

function layerNorm(p: Arrays, name: string, x: JaxArray): JaxArray {
  return nn.standardize(x, -1, { epsilon: 1e-5 }).mul(p[`${name}.weight`]).add(p[`${name}.bias`]);
}

/** Causal. By hand, for `nn.dotProductAttention` calls functions that Node 20 has not. */
function attention(p: Arrays, name: string, x: JaxArray, mask: JaxArray): JaxArray {
  const { width, heads, length, batch } = GPT;
  const [query, key, value] = np
    .split(linear(p, `${name}.qkv`, x), 3, 2)
    .map((part) => part.reshape([batch, length, heads, width / heads]).transpose([0, 2, 1, 3]));
  const scores = np.matmul(query, np.matrixTranspose(key)).mul(1 / Math.sqrt(width / heads));
  const attended = np.matmul(nn.softmax(scores.add(mask), -1), value);
  const joined = attended.transpose([0, 2, 1, 3]).reshape([batch, length, width]);
  return linear(p, `${name}.projection`, joined);
}

/** Tokens come one-hot: a gather has no gradient here. */
export function gptStep(inputs: Inputs): Case {
  const { layers, length, vocabulary } = GPT;
  const oneHot = (name: string) => nn.oneHot(load(inputs[name]), vocabulary);
  return training({
    parameters: parametersOf(inputs),
    batch: {
      tokens: oneHot('tokens'),
      target: oneHot('targets'),
      mask: np.triu(np.full([length, length], -1e9), 1),
    },
    predict(p, { tokens, mask }) {
      let x = np.matmul(tokens, p['token.weight']).add(p['position.weight']);
      for (let i = 0; i < layers; i++) {
        x = x.ref.add(attention(p, `${i}`, layerNorm(p, `${i}.ln1`, x), mask.ref));
        const wide = nn.gelu(linear(p, `${i}.up`, layerNorm(p, `${i}.ln2`, x.ref)), { approximate: true });
        x = x.add(linear(p, `${i}.down`, wide));
      }
      mask.dispose();
      return linear(p, 'head', layerNorm(p, 'ln', x));
    },
    loss: (logits, { target }) => crossEntropy(logits, target),
    update: adamW,
  });
}

export function resnetStep(inputs: Inputs): Case {
  const stage = (p: Arrays, i: number, x: JaxArray): JaxArray =>
    nn
      .standardize(convolve(x, p[`conv${i}.weight`], 1), [0, 2, 3], { epsilon: 1e-5 })
      .mul(perChannel(p[`bn${i}.weight`]))
      .add(perChannel(p[`bn${i}.bias`]));
  return training({
    parameters: parametersOf(inputs),
    batch: { x: load(inputs.x), y: load(inputs.y) },
    predict: (p, { x }) => nn.relu(stage(p, 2, nn.relu(stage(p, 1, x.ref))).add(x)),
    loss: (output, { y }) => np.mean(np.square(output.sub(y))),
    update: resnetMomentum,
  });
}

export function adamUpdate(inputs: Inputs): Case {
  const named = (kind: string): Arrays =>
    Object.fromEntries(
      Array.from({ length: UPDATED.count }, (_, i) => [`${i}`, load(inputs[`${kind}${i}`])]),
    );
  const gradients = named('gradient');
  const zeros = () =>
    Object.fromEntries(Object.keys(gradients).map((i) => [i, np.zeros([...UPDATED.shape])]));
  let state: State = { parameters: named('parameter'), m: zeros(), v: zeros() };
  let steps = 0;
  const compiled = jit(adam.apply);
  const update = (): State => {
    steps++;
    const own = Object.fromEntries(Object.entries(gradients).map(([i, g]) => [i, g.ref]));
    state = compiled(state, own, np.array([steps], { shape: [] })) as State;
    return state;
  };
  const refs = (): JaxArray[] => Object.values(state.parameters).map((p) => p.ref);
  return {
    ...measured(() => {
      update();
      return refs();
    }),
    async check() {
      for (let i = 0; i < TRAINING.checkedSteps; i++) update();
      return Promise.all(refs().map(async (p) => Float32Array.from(await p.data())));
    },
  };
}

export function tinyStep(inputs: Inputs): Case {
  return training({
    parameters: parametersOf(inputs),
    batch: { x: load(inputs.x), y: load(inputs.y) },
    predict: (p, { x }) => linear(p, 'fc2', np.tanh(linear(p, 'fc1', x))),
    loss: (output, { y }) => np.mean(np.square(output.sub(y))),
    update: descent,
  });
}
