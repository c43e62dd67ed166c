/** jax-js on its WebAssembly backend, everything under `jit`. Its arrays are reference-counted: `ref` adds a use. */
import {
  blockUntilReady,
  defaultDevice,
  init,
  type Array as JaxArray,
  jit,
  lax,
  nn,
  numpy as np,
  valueAndGrad,
} from '@jax-js/jax';
import type { Case, PeerRows } from '../case.js';
import { type Input, type Inputs, transposed } from '../inputs.js';
import { ADDITIONS, TRAINING } from '../rows.js';

await init('wasm');
defaultDevice('wasm');

const load = ({ data, shape }: Input): JaxArray =>
  np.array(data as Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>, { shape: [...shape] });

/** A linear layer's weight as [in, out], so that no product transposes in the forward pass. */
const kernel = (input: Input): JaxArray =>
  np.array(transposed(input) as Float32Array<ArrayBuffer>, { shape: [input.shape[1], input.shape[0]] });

function measured(call: () => JaxArray): Case {
  return {
    async run() {
      const result = call();
      await blockUntilReady(result);
      result.dispose();
    },
    check: async () => [Float32Array.from(await call().data())],
  };
}

function forward(compute: (...args: JaxArray[]) => JaxArray, ...args: JaxArray[]): Case {
  const compiled = jit(compute);
  return measured(() => compiled(...args.map((a) => a.ref)));
}

type Arrays = Record<string, JaxArray>;

const mapArrays = (arrays: Arrays, f: (a: JaxArray, name: string) => JaxArray): Arrays =>
  Object.fromEntries(Object.entries(arrays).map(([name, a]) => [name, f(a, name)]));

/** Mean cross-entropy of logits against one-hot targets. */
const crossEntropy = (logits: JaxArray, oneHot: JaxArray): JaxArray =>
  np.mean(np.sum(nn.logSoftmax(logits, -1).mul(oneHot), -1)).neg();

/** One jitted function makes a whole step: it takes and returns parameters and the optimizer's state. */
interface State extends Record<string, Arrays> {
  readonly parameters: Arrays;
}

function training(
  inputs: Inputs,
  parameters: Arrays,
  predict: (p: Arrays, x: JaxArray) => JaxArray,
  slots: readonly string[],
  update: (state: State, gradients: Arrays, step: JaxArray) => State,
): Case {
  const x = load(inputs.x);
  const oneHot = nn.oneHot(load(inputs.labels), 10);
  const zeros = () => mapArrays(parameters, (p) => np.zeros(p.shape));
  let state: State = { ...Object.fromEntries(slots.map((slot) => [slot, zeros()])), parameters };
  let steps = 0;
  const loss = (p: Arrays, x: JaxArray, target: JaxArray) => crossEntropy(predict(p, x), target);
  const compiled = jit((s: State, x: JaxArray, target: JaxArray, t: JaxArray): [JaxArray, State] => {
    const own = mapArrays(s.parameters, (p) => p.ref);
    const [value, gradients] = valueAndGrad(loss)(own, x, target);
    return [value, update(s, gradients as Arrays, t)];
  });
  const step = async (): Promise<number> => {
    steps++;
    const [value, next] = compiled(state, x.ref, oneHot.ref, np.array([steps], { shape: [] })) as [
      JaxArray,
      State,
    ];
    state = next;
    const [number] = await value.data();
    await blockUntilReady(state);
    return number;
  };
  return {
    run: async () => {
      await step();
    },
    async check() {
      const losses: number[] = [];
      for (let i = 0; i < TRAINING.checkedSteps; i++) losses.push(await step());
      const logits = predict(
        mapArrays(state.parameters, (p) => p.ref),
        x.ref,
      );
      return [Float32Array.from(losses), Float32Array.from(await logits.data())];
    },
  };
}

function adam({ parameters, m, v }: State, gradients: Arrays, step: JaxArray): State {
  const { lr, beta1, beta2, eps } = TRAINING.adam;
  const mean = mapArrays(m, (a, name) => a.mul(beta1).add(gradients[name].ref.mul(1 - beta1)));
  const square = mapArrays(v, (a, name) => a.mul(beta2).add(np.square(gradients[name]).mul(1 - beta2)));
  const correction = (beta: number, t: JaxArray) =>
    np
      .exp(t.mul(Math.log(beta)))
      .neg()
      .add(1);
  const c1 = correction(beta1, step.ref);
  const c2 = correction(beta2, step);
  const next = mapArrays(parameters, (p, name) => {
    const denominator = np.sqrt(square[name].ref.div(c2.ref)).add(eps);
    return p.sub(mean[name].ref.div(c1.ref).div(denominator).mul(lr));
  });
  c1.dispose();
  c2.dispose();
  return { parameters: next, m: mean, v: square };
}

function momentum({ parameters, buffer }: State, gradients: Arrays, step: JaxArray): State {
  const { lr, momentum } = TRAINING.sgd;
  step.dispose();
  const next = mapArrays(buffer, (b, name) => b.mul(momentum).add(gradients[name]));
  return { parameters: mapArrays(parameters, (p, name) => p.sub(next[name].ref.mul(lr))), buffer: next };
}

/** Max-pooling of 2×2: as a maximum over axes, which is faster here than `lax.reduceWindow` and has a gradient. */
function maxPool(x: JaxArray): JaxArray {
  const [n, c, h, w] = x.shape;
  return np.max(x.reshape([n, c, h / 2, 2, w / 2, 2]), [3, 5]);
}

const convolution = (x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray =>
  lax
    .conv(
      x,
      weight,
      [1, 1],
      [
        [2, 2],
        [2, 2],
      ],
    )
    .add(bias.reshape([1, -1, 1, 1]));

const matmul = (inputs: Inputs): Case => forward((a, b) => np.matmul(a, b), load(inputs.a), load(inputs.b));

const sum = (inputs: Inputs, dim?: number): Case => forward((x) => np.sum(x, dim), load(inputs.x));

export const rows: PeerRows = {
  'matmul-256': matmul,
  'matmul-512': matmul,
  'matmul-1024': matmul,
  chain: (inputs) =>
    forward(
      (x) => nn.gelu(x.ref.mul(1.5).add(0.5), { approximate: true }).mul(nn.sigmoid(x)),
      load(inputs.x),
    ),
  softmax: (inputs) => forward((x) => nn.softmax(x, 1), load(inputs.x)),
  'layer-norm': (inputs) =>
    forward(
      (x, weight, bias) => nn.standardize(x, -1, { epsilon: 1e-5 }).mul(weight).add(bias),
      load(inputs.x),
      load(inputs.weight),
      load(inputs.bias),
    ),
  'sum-all': (inputs) => sum(inputs),
  'sum-dim0': (inputs) => sum(inputs, 0),
  'sum-dim1': (inputs) => sum(inputs, 1),
  'mlp-step'(inputs) {
    const names = ['fc1', 'fc2', 'fc3'];
    const parameters: Arrays = {};
    for (const name of names) {
      parameters[`${name}.weight`] = kernel(inputs[`${name}.weight`]);
      parameters[`${name}.bias`] = load(inputs[`${name}.bias`]);
    }
    const predict = (p: Arrays, x: JaxArray): JaxArray =>
      names.reduce((h, name, i) => {
        const z = np.matmul(h, p[`${name}.weight`]).add(p[`${name}.bias`]);
        return i < names.length - 1 ? nn.relu(z) : z;
      }, x);
    return training(inputs, parameters, predict, ['m', 'v'], adam);
  },
  'cnn-step'(inputs) {
    const parameters: Arrays = {
      'fc.weight': kernel(inputs['fc.weight']),
      'fc.bias': load(inputs['fc.bias']),
    };
    for (const name of ['conv1', 'conv2']) {
      parameters[`${name}.weight`] = load(inputs[`${name}.weight`]);
      parameters[`${name}.bias`] = load(inputs[`${name}.bias`]);
    }
    const predict = (p: Arrays, x: JaxArray): JaxArray => {
      let h = x;
      for (const name of ['conv1', 'conv2']) {
        h = maxPool(nn.relu(convolution(h, p[`${name}.weight`], p[`${name}.bias`])));
      }
      return np.matmul(h.reshape([h.shape[0], -1]), p['fc.weight']).add(p['fc.bias']);
    };
    return training(inputs, parameters, predict, ['buffer'], momentum);
  },
  additions(inputs) {
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
  },
};
