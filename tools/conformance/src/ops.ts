/** Operator cases: call ours by name, compare outputs and gradients. */
import { grad } from '@neurite/autograd';
import * as nn from '@neurite/nn';
import * as T from '@neurite/tensor';
import { compareTensor, flatten, type Tolerance } from './compare.js';
import {
  BOOLEAN_FIRST,
  BOOLEAN_NUMBERS,
  bindSignature,
  camelCase,
  type OpName,
  PACKED,
  PRIVATE,
  parseOp,
  SAMPLE_ORDER,
  signatureOf,
} from './names.js';
import type { Outcome } from './report.js';
import { type HostTensor, isHostTensor, type Json, type Suite, toTensor, type Value } from './vectors.js';

type Callable = (...args: unknown[]) => unknown;

/** Thrown for what we do not have: reported as "not covered", with the reason. */
export class NotCovered extends Error {}

/** Tensors of a case by path (`args.0`, `args.0.1`, `kwargs.weight`): fresh, so that gradients can be asked for. */
export type Leaves = Map<string, T.Tensor>;

/**
 * Turns decoded values into arguments for our API; every tensor is noted under its path. Python's None is an absent
 * argument of a function, but a value (`none: null`) where it differs from the default, as in constructors.
 */
export function toArgument(value: Value, path: string, leaves: Leaves, none?: null): unknown {
  if (isHostTensor(value)) {
    const t = toTensor(value);
    leaves.set(path, t);
    return t;
  }
  if (Array.isArray(value)) return value.map((v, i) => toArgument(v, `${path}.${i}`, leaves, none));
  if (value && typeof value === 'object') {
    if ('$slice' in value) {
      const [start, stop, step] = value.$slice as (number | null)[];
      return { start: start ?? undefined, stop: stop ?? undefined, step: step ?? undefined };
    }
    if ('$ellipsis' in value) return '...';
    if ('$dtype' in value) return value.$dtype;
  }
  return value === null ? none : value;
}

/** Keyword arguments as our options; `device` is the runner's business. */
export function toOptions(
  kwargs: { [key: string]: Value },
  leaves: Leaves,
  prefix = 'kwargs',
  none?: null,
): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [k, v] of Object.entries(kwargs))
    if (k !== 'device') options[camelCase(k)] = toArgument(v, `${prefix}.${k}`, leaves, none);
  // Python's bools are numbers.
  if (typeof options.alpha === 'boolean') options.alpha = Number(options.alpha);
  return options;
}

/** Our function for an op; the tensor's own method first, as PyTorch's users write it. */
function resolve(name: OpName, args: unknown[]): Callable {
  const from = (space: unknown, key: string): Callable | undefined => {
    const f = (space as Record<string, unknown>)[key];
    return typeof f === 'function' ? (f as Callable) : undefined;
  };
  if (PRIVATE.has(name.full)) throw new NotCovered(`${name.full} is not public`);
  if (name.namespace === 'nn.functional') {
    const f = from(nn.functional, name.ours);
    if (f) return f;
    throw new NotCovered(`no nn.functional.${name.ours}`);
  }
  if (name.namespace === 'linalg') {
    const f = from((T as Record<string, unknown>).linalg ?? {}, name.ours);
    if (f) return f;
    throw new NotCovered(`no linalg.${name.ours}`);
  }
  const [self] = args;
  if (self instanceof T.Tensor) {
    const member = (self as unknown as Record<string, unknown>)[name.ours];
    if (typeof member === 'function')
      return (first, ...rest) => (first as Record<string, Callable>)[name.ours](...rest);
    if (member !== undefined) return (first) => (first as Record<string, unknown>)[name.ours];
  }
  const f = from(T, name.ours);
  if (f) return f;
  throw new NotCovered(`no Tensor.${name.ours} and no function ${name.ours}`);
}

/** The entries of Python's `x[…]`: what stands in one bracket comes as a list, in which a list of numbers is an index tensor. */
function indexEntries(index: unknown): unknown[] {
  const entries = Array.isArray(index) ? index : [index];
  return entries.map((e) => (Array.isArray(e) ? T.tensor(e as number[], { dtype: 'int32' }) : e));
}

/** Puts arguments in the order in which our function takes them (see `SIGNATURES`). */
function arrange(name: OpName, given: unknown[], options: Record<string, unknown>): unknown[] {
  const order = SAMPLE_ORDER[name.full];
  const ordered = order ? order.map((i) => given[i]) : given;
  const args = BOOLEAN_NUMBERS.has(name.base)
    ? ordered.map((a) => (typeof a === 'boolean' ? Number(a) : a))
    : ordered;
  if (PACKED.has(name.full)) return [args, options];
  if (name.base === '__getitem__') return [args[0], ...indexEntries(args[1])];
  const signature = signatureOf(name);
  const hasSelf = args[0] instanceof T.Tensor;
  const own = hasSelf ? args.slice(1) : args;
  const self = hasSelf ? [args[0]] : [];
  if (BOOLEAN_FIRST.has(name.base)) {
    const { dim, ...rest } = options;
    if (typeof own[0] === 'boolean') rest.unbiased = own.shift();
    return [
      ...self,
      ...bindSignature('dim | unbiased correction keepdim', own, dim === undefined ? rest : { dim, ...rest }),
    ];
  }
  return [...self, ...bindSignature(signature, own, options)];
}

/** Runs one operator case. */
export async function runOp(suite: Suite, c: { [key: string]: Json }): Promise<Outcome> {
  const name = parseOp(c.op as string);
  const leaves: Leaves = new Map();
  const args = (c.args as Json[]).map((a, i) => toArgument(suite.decode(a), `args.${i}`, leaves));
  const options = toOptions(suite.decode(c.kwargs) as { [key: string]: Value }, leaves);
  const f = resolve(name, args);
  const grads = c.grads as { [path: string]: Json } | null;
  for (const path of Object.keys(grads ?? {})) leaves.get(path)!.requiresGrad = true;
  const outputs = flatten(await f(...arrange(name, args, options)));
  return checkOutputs(suite, c, outputs, leaves, grads);
}

/** Compares outputs, then gradients of Σ output·cotangent. */
export async function checkOutputs(
  suite: Suite,
  c: { [key: string]: Json },
  outputs: unknown[],
  leaves: Leaves,
  grads: { [path: string]: Json } | null,
): Promise<Outcome> {
  const tol = c.tol as unknown as Tolerance;
  const expected = suite.decode(c.outputs) as Value[];
  if (outputs.length !== expected.length)
    return { kind: 'failed', reason: `${outputs.length} outputs, expected ${expected.length}` };
  for (const [i, want] of expected.entries()) {
    const difference = isHostTensor(want)
      ? await compareTensor(outputs[i], want, tol, `output ${i}`)
      : compareScalar(outputs[i], want, i);
    if (difference) return { kind: 'failed', reason: difference };
  }
  if (!grads || Object.keys(grads).length === 0) return { kind: 'passed' };
  const cotangents = suite.decode(c.cotangents) as (HostTensor | null)[];
  const wanted: T.Tensor[] = [];
  const given: T.Tensor[] = [];
  cotangents.forEach((ct, i) => {
    if (!ct) return;
    wanted.push(outputs[i] as T.Tensor);
    given.push(toTensor(ct));
  });
  const paths = Object.keys(grads);
  const got = grad(
    wanted,
    paths.map((p) => leaves.get(p)!),
    { gradOutputs: given, allowUnused: true },
  );
  for (const [i, path] of paths.entries()) {
    const difference = await compareTensor(
      got[i],
      suite.decode(grads[path]) as HostTensor,
      tol,
      `gradient of ${path}`,
    );
    if (difference) return { kind: 'failed', reason: difference };
  }
  return { kind: 'passed' };
}

function compareScalar(got: unknown, want: Value, i: number): string | null {
  if (want === null) return got === null || got === undefined ? null : `output ${i}: expected nothing`;
  return Object.is(got, want) ? null : `output ${i} is ${String(got)}, expected ${String(want)}`;
}
