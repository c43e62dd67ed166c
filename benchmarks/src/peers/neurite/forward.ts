/** What rows without training need: a started backend, and cases that compute one tensor. */
import { cpu } from '@neurite/backend-cpu';
import { compile, realize, type Tensor, tensor, use } from '@neurite/tensor';
import type { Case } from '../../case.js';
import type { Input, Inputs } from '../../inputs.js';

/** Starts the backend with so many threads; fewer are an error, for the peer's name would be a lie. */
export async function startBackend(threads: number): Promise<void> {
  let started = '';
  await use(cpu({ threads }), {
    log: (line) => {
      started = line;
    },
  });
  if (threads > 1 && !started.includes(`${threads} threads`)) throw new Error(started);
}

export const load = ({ data, shape }: Input): Tensor => tensor(data, { shape });

let compiling = false;

/** From now on cases replay what they do, by `compile`, rather than build the graph each time. */
export function compileCases(): void {
  compiling = true;
}

let reading = false;

/** From now on a call ends when its result (of a row with gradients: the loss) is on the host: on a GPU nothing else tells. */
export function readResults(): void {
  reading = true;
}

/** Waits until a tensor is there. */
export async function finish(t: Tensor): Promise<void> {
  if (reading) await t.data();
  else await realize(t);
}

export const maybeCompiled = <R>(f: () => R): (() => R) => (compiling ? compile(f) : f);

export const numbers = async (t: Tensor): Promise<Float32Array> => Float32Array.from(await t.data());

export function forward(compute: () => Tensor): Case {
  const call = maybeCompiled(compute);
  return {
    run: () => finish(call()),
    check: async () => [await numbers(call())],
  };
}

/** A forward row of the inputs in their order. */
export const of =
  (compute: (...inputs: Tensor[]) => Tensor) =>
  (inputs: Inputs): Case => {
    const tensors = Object.values(inputs).map(load);
    return forward(() => compute(...tensors));
  };
