/** What jax-js's rows have in common. Its arrays are reference-counted: a function takes over its arguments, `ref` adds a use. */
import {
  blockUntilReady,
  type Array as JaxArray,
  type JsTree,
  jit,
  nn,
  numpy as np,
  valueAndGrad,
} from '@jax-js/jax';
import type { Case } from '../../case.js';
import { type Input, type Inputs, transposed } from '../../inputs.js';
import { TRAINING } from '../../rows/training.js';

export const load = ({ data, shape }: Input): JaxArray =>
  np.array(data as Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>, { shape: [...shape] });

/** A linear layer's weight as [in, out], so that no product transposes in the forward pass. */
const kernel = (input: Input): JaxArray =>
  np.array(transposed(input) as Float32Array<ArrayBuffer>, { shape: [input.shape[1], input.shape[0]] });

const numbers = async (a: JaxArray): Promise<Float32Array> => Float32Array.from(await a.data());

const leavesOf = (result: JsTree<JaxArray>): JaxArray[] =>
  'ndim' in result
    ? [result as JaxArray]
    : Object.values(result as Record<string, JsTree<JaxArray>>).flatMap(leavesOf);

let reading = false;

/** From now on a call ends when its result (of several the first) is on the host: on a GPU nothing else tells. */
export function readResults(): void {
  reading = true;
}

async function finish(result: JsTree<JaxArray>): Promise<void> {
  const leaves = leavesOf(result);
  if (reading) await leaves.shift()!.data();
  else await blockUntilReady(result);
  for (const leaf of leaves) leaf.dispose();
}

/** A call whose results are the numbers to compare. */
export function measured(call: () => JsTree<JaxArray>): Case {
  return {
    run: () => finish(call()),
    check: () => Promise.all(leavesOf(call()).map(numbers)),
  };
}

export type Compute = (...args: JaxArray[]) => JaxArray;

/** A forward row of the inputs in their order. */
export const of =
  (compute: Compute) =>
  (inputs: Inputs): Case => {
    const arrays = Object.values(inputs).map(load);
    const compiled = jit(compute);
    return measured(() => compiled(...arrays.map((a) => a.ref)));
  };

/** The loss Σ y·g and the gradients of all inputs but `g`. */
export const gradientsOf =
  (compute: Compute) =>
  (inputs: Inputs): Case => {
    const { g, ...rest } = inputs;
    const leaves = Object.values(rest).map(load);
    const upstream = load(g);
    const loss = (own: JaxArray[], g: JaxArray): JaxArray => np.sum(compute(...own).mul(g));
    const step = jit((own: JaxArray[], g: JaxArray) => valueAndGrad(loss)(own, g) as JsTree<JaxArray>);
    const call = () =>
      step(
        leaves.map((a) => a.ref),
        upstream.ref,
      ) as [JaxArray, JaxArray[]];
    return {
      ...measured(call),
      async check() {
        const y = jit(compute)(...leaves.map((a) => a.ref));
        const [value, gradients] = call();
        value.dispose();
        return Promise.all([y, ...gradients].map(numbers));
      },
    };
  };

export type Arrays = Record<string, JaxArray>;

export const mapArrays = (arrays: Arrays, f: (a: JaxArray, name: string) => JaxArray): Arrays =>
  Object.fromEntries(Object.entries(arrays).map(([name, a]) => [name, f(a, name)]));

const refs = (arrays: Arrays): Arrays => mapArrays(arrays, (a) => a.ref);

/** The inputs whose names have a dot; matrices of linear layers transposed. */
export function parametersOf(inputs: Inputs): Arrays {
  const isLinear = (name: string, { shape }: Input) =>
    shape.length === 2 && name !== 'token.weight' && name !== 'position.weight';
  return Object.fromEntries(
    Object.entries(inputs)
      .filter(([name]) => name.includes('.'))
      .map(([name, input]) => [name, isLinear(name, input) ? kernel(input) : load(input)]),
  );
}

/** A linear layer's output. */
export const linear = (p: Arrays, name: string, x: JaxArray): JaxArray =>
  np.matmul(x, p[`${name}.weight`]).add(p[`${name}.bias`]);

/** Mean cross-entropy of logits against one-hot targets. */
export const crossEntropy = (logits: JaxArray, oneHot: JaxArray): JaxArray =>
  np.mean(np.sum(nn.logSoftmax(logits, -1).mul(oneHot), -1)).neg();

/** Parameters, and the optimizer's own arrays under further names. */
export interface State extends Record<string, Arrays> {
  readonly parameters: Arrays;
}

/** `step` counts from 1. */
export interface Update {
  readonly slots: readonly string[];
  apply(state: State, gradients: Arrays, step: JaxArray): State;
}

interface Training {
  readonly parameters: Arrays;
  /** Arrays that are the same in each step. */
  readonly batch: Arrays;
  readonly predict: (p: Arrays, batch: Arrays) => JaxArray;
  /** Takes over what of the batch `predict` has left. */
  readonly loss: (output: JaxArray, batch: Arrays) => JaxArray;
  readonly update: Update;
}

/** One jitted function makes a whole step: it takes and returns parameters and the optimizer's state. */
export function training({ parameters, batch, predict, loss, update }: Training): Case {
  const zeros = () => mapArrays(parameters, (p) => np.zeros(p.shape));
  let state: State = { ...Object.fromEntries(update.slots.map((slot) => [slot, zeros()])), parameters };
  let steps = 0;
  const objective = (p: Arrays, own: Arrays) => loss(predict(p, own), own);
  const compiled = jit((s: State, own: Arrays, t: JaxArray): [JaxArray, State] => {
    const [value, gradients] = valueAndGrad(objective)(refs(s.parameters), own);
    return [value, update.apply(s, gradients as Arrays, t)];
  });
  const step = async (): Promise<number> => {
    steps++;
    const [value, next] = compiled(state, refs(batch), np.array([steps], { shape: [] })) as [JaxArray, State];
    state = next;
    const [number] = await value.data();
    if (!reading) await blockUntilReady(state);
    return number;
  };
  return {
    run: async () => {
      await step();
    },
    async check() {
      const losses: number[] = [];
      for (let i = 0; i < TRAINING.checkedSteps; i++) losses.push(await step());
      return [Float32Array.from(losses), await numbers(predict(refs(state.parameters), refs(batch)))];
    },
  };
}
