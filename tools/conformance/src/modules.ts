/** Module and loss cases: construct, load the state, call, compare outputs, gradients and buffers. */
import * as nn from '@neurite/nn';
import type { Tensor } from '@neurite/tensor';
import { compareTensor, flatten, type Tolerance } from './compare.js';
import { bindSignature, CONSTRUCTORS } from './names.js';
import { checkOutputs, type Leaves, NotCovered, toArgument, toOptions } from './ops.js';
import type { Outcome } from './report.js';
import { type HostTensor, type Json, type Suite, toTensor, type Value } from './vectors.js';

type Constructor = new (...args: unknown[]) => nn.Module;

/** Runs one module case. */
export async function runModule(suite: Suite, c: { [key: string]: Json }): Promise<Outcome> {
  const name = c.op as string;
  const found = (nn as unknown as Record<string, unknown>)[name];
  if (typeof found !== 'function') throw new NotCovered(`no nn.${name}`);
  const leaves: Leaves = new Map();
  const ctorArgs = (c.ctor_args as Json[]).map((a, i) =>
    toArgument(suite.decode(a), `ctor.${i}`, leaves, null),
  );
  const ctorOptions = toOptions(
    suite.decode(c.ctor_kwargs) as { [key: string]: Value },
    leaves,
    'ctor',
    null,
  );
  const module = new (found as Constructor)(...bindSignature(CONSTRUCTORS[name], ctorArgs, ctorOptions));
  const state = suite.decode(c.state) as { [key: string]: HostTensor };
  module.loadStateDict(Object.fromEntries(Object.entries(state).map(([k, v]) => [k, toTensor(v)])));
  module.train(c.training as boolean);
  const args = (c.args as Json[]).map((a, i) => toArgument(suite.decode(a), `inputs.${i}`, leaves));
  const options = toOptions(suite.decode(c.kwargs) as { [key: string]: Value }, leaves);
  for (const [key, parameter] of module.namedParameters()) leaves.set(`params.${key}`, parameter);
  const grads = c.grads as { [path: string]: Json } | null;
  for (const path of Object.keys(grads ?? {})) {
    const leaf = leaves.get(path);
    if (!leaf) return { kind: 'failed', reason: `no tensor at ${path}` };
    leaf.requiresGrad = true;
  }
  const call = module as unknown as (...a: unknown[]) => unknown;
  const outputs = flatten(call(...args, ...(Object.keys(options).length ? [options] : [])));
  const outcome = await checkOutputs(suite, c, outputs, leaves, grads);
  if (outcome.kind !== 'passed') return outcome;
  const after = module.stateDict() as Record<string, Tensor>;
  for (const [key, want] of Object.entries(
    suite.decode(c.state_after ?? {}) as { [key: string]: HostTensor },
  )) {
    const difference = await compareTensor(
      after[key],
      want,
      c.tol as unknown as Tolerance,
      `buffer ${key} afterwards`,
    );
    if (difference) return { kind: 'failed', reason: difference };
  }
  return { kind: 'passed' };
}
