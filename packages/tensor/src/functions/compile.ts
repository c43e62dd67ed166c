/** `compile`: a function's plans, without the function. */
import { ValueError } from '../errors.js';
import { isGradEnabled } from '../graph/grad-mode.js';
import { leaf } from '../graph/node.js';
import { isTracing, watched } from '../graph/observer.js';
import { autocastKey } from '../ops/autocast.js';
import { full } from '../ops/create.js';
import { isAnomalyMode } from '../runtime/anomaly.js';
import { currentDevice } from '../runtime/device.js';
import { difference, sameRef } from '../runtime/difference.js';
import { submitPending } from '../runtime/realize.js';
import { replay } from '../runtime/replay.js';
import { type Left, Trace } from '../runtime/trace.js';
import { turnIfDue } from '../runtime/yield.js';
import { Tensor } from '../tensor.js';
import { type Flat, flatten, withTensors } from './tree.js';

export interface CompileReport {
  /** Calls that ran the function and wrote down what it did. */
  readonly traces: number;
  /** Calls that were answered without the function. */
  readonly replays: number;
  /** Calls that ran the function as it stands, because it cannot be replayed. */
  readonly uncompiled: number;
  /** Kinds of arguments seen. */
  readonly signatures: number;
  /** Why the latest call that was not replayed was not; null where it was only new. */
  readonly reason: string | null;
}

export interface CompileOptions {
  /** Told by `ready` after each plan: how many plans and kernels are ready. */
  readonly onProgress?: (progress: { readonly plans: number; readonly kernels: number }) => void;
}

export type Compiled<A extends readonly unknown[], R> = ((...args: A) => R) & {
  readonly report: CompileReport;
  /** Compiles what a call with such arguments needs, and runs and changes nothing. */
  ready(...args: A): Promise<void>;
};

/** A call that was written down. */
interface Recording {
  readonly trace: Trace;
  readonly results: readonly Left[];
  /** What the function returned, with other tensors in the places of its own. */
  readonly template: unknown;
  readonly returned: Omit<Flat, 'tensors'>;
  readonly isAsync: boolean;
}

interface Signature {
  /** Recordings that two calls in a row agreed on, the one used last in front. */
  recordings: Recording[];
  last: Recording | null;
  /** Traces in a row that did not agree. */
  misses: number;
  /** Traces that could not be replayed. */
  refusals: number;
  refused: string | null;
}

/** Modes and guards may give a signature several recordings. */
const MAX_RECORDINGS = 8;
/** After so many traces in a row that did not agree, the function is called as it stands. */
const MAX_MISSES = 8;
/** More than one: what refuses may have been other code, at work while an async function waited. */
const MAX_REFUSALS = 3;
const MAX_SIGNATURES = 64;

const ids = new WeakMap<object, number>();
let nextId = 0;

/** The same text for the same object. */
function identity(x: object): string {
  let id = ids.get(x);
  if (id === undefined) {
    id = nextId++;
    ids.set(x, id);
  }
  return `#${id}`;
}

const textOf = (x: unknown): string =>
  (typeof x === 'object' && x !== null) || typeof x === 'function'
    ? identity(x)
    : Object.is(x, -0)
      ? '-0'
      : `${typeof x} ${String(x)}`;

function signatureOf({ tensors, others, form }: Flat): string {
  const device = currentDevice();
  let key = `${isGradEnabled() ? 'grad ' : ''}${autocastKey()}${device ? identity(device) : ''}${form}`;
  for (const { current: node } of tensors) {
    const kind = node.op === 'scalar' && !node.storage ? 'scalar' : node.requiresGrad ? 'grad' : '';
    key += `|${kind}${node.dtype}[${node.shape}]${identity(node.device ?? device ?? node)}`;
  }
  for (const x of others) key += `|${textOf(x)}`;
  return key;
}

/**
 * A function that does what `fn` does, in one go: `fn` runs (and is traced) in the first calls with arguments of a kind; when two calls
 * in a row did the same, later ones replay their plans on the new values and build no graph. PyTorch's counterpart is
 * https://pytorch.org/docs/stable/generated/torch.compile.html.
 *
 *     const step = compile(async (x: Tensor, y: Tensor) => {
 *       optimizer.zeroGrad();
 *       const loss = F.crossEntropy(model(x), y);
 *       loss.backward();
 *       await optimizer.step();
 *       return loss;
 *     });
 *
 * `fn` may take and return tensors, also in arrays and plain objects; may use, update and train tensors that it holds on to (their
 * values of the moment count); and may draw random numbers (generators go on as they would). A kind of arguments is their structure,
 * shapes, dtypes and devices, and the *values* of all that are no tensors: pass a number that changes as `scalarInput(value)`.
 * Results are values without history: `backward` belongs into `fn`. Bits are those of the plain function.
 *
 * A replay does not run `fn`: other effects of it (logs, counters, tensors put into variables) happen in traced calls only, and variables
 * of the program that it reads must not change. Of these it follows: the modes of modules, options and counters of
 * optimizers, gradients, and what was decided from values in host memory. It traces again where they changed. A function
 * that reads values (`item`, `data`), steps a schedule, draws random numbers on the host, or does something else in each call is called
 * as it stands; `report` says why.
 */
export function compile<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  options: CompileOptions = {},
): Compiled<A, R> {
  const signatures = new Map<string, Signature>();
  const counts = { traces: 0, replays: 0, uncompiled: 0, reason: null as string | null };

  const plainly = (args: A, reason: string): R => {
    counts.uncompiled++;
    counts.reason = reason;
    return fn(...args);
  };

  const call = (...args: A): R => {
    if (isTracing()) return plainly(args, 'another compiled function is being traced');
    if (isAnomalyMode()) return plainly(args, 'detectAnomaly looks at each op');
    const flat = flatten(args);
    const key = signatureOf(flat);
    let known = signatures.get(key);
    if (!known) {
      if (signatures.size === MAX_SIGNATURES)
        return plainly(args, `it was called with more than ${MAX_SIGNATURES} kinds of arguments`);
      known = { recordings: [], last: null, misses: 0, refusals: 0, refused: null };
      signatures.set(key, known);
    }
    if (known.refused !== null) return plainly(args, known.refused);
    const answer = replayed(known, flat, counts);
    return answer ? (answer.value as R) : traced(known, args, flat);
  };

  const traced = (known: Signature, args: A, flat: Flat): R => {
    counts.traces++;
    const keepRecording = (recording: Recording): void => {
      const reason = settle(known, recording);
      if (reason !== null) counts.reason = reason;
    };
    return traceCall(fn, args, flat, false, keepRecording) as R;
  };

  const ready = async (...args: A): Promise<void> => {
    const recordings: Recording[] = [];
    let [plans, kernels] = [0, 0];
    try {
      for (let i = 0; i < MAX_MISSES; i++) {
        await traceCall(fn, args, flatten(args), true, (recording) => recordings.push(recording));
        const { trace } = recordings[recordings.length - 1];
        await trace.compiled();
        if (trace.refusal)
          throw new ValueError(`compile: ready: the function cannot be replayed: ${trace.refusal}`);
        for (const { plan } of trace.jobs) {
          plans++;
          kernels += plan?.steps.length ?? 0;
          options.onProgress?.({ plans, kernels });
        }
        if (i > 0 && samePlans(trace, recordings[i - 1].trace)) return;
      }
    } finally {
      for (const { trace } of recordings.reverse()) trace.undo();
    }
  };

  return Object.defineProperty(Object.assign(call, { ready }), 'report', {
    get: (): CompileReport => ({ ...counts, signatures: signatures.size }),
  }) as Compiled<A, R>;
}

const samePlans = (a: Trace, b: Trace): boolean =>
  a.jobs.length === b.jobs.length && a.jobs.every((job, i) => job.plan === b.jobs[i].plan);

/** The answer of a recording that fits, or null. */
function replayed(
  known: Signature,
  flat: Flat,
  counts: { replays: number; reason: string | null },
): { readonly value: unknown } | null {
  for (const recording of known.recordings) {
    const { trace, results, template, isAsync } = recording;
    if (trace.jobs.some((job) => job.by)) for (const { device } of trace.jobs) submitPending(device);
    const answer = replay(trace, flat.tensors, results);
    if (typeof answer === 'string') {
      counts.reason = answer;
      continue;
    }
    counts.replays++;
    if (known.recordings[0] !== recording)
      known.recordings = [recording, ...known.recordings.filter((r) => r !== recording)];
    const value = withTensors(
      template,
      answer.results.map((node) => Tensor.fromNode(node)),
    );
    return { value: isAsync ? answer.done.then(turnIfDue).then(() => value) : value };
  }
  return null;
}

/** Calls the function under a trace. Its results come back as values without history. */
function traceCall<A extends readonly unknown[]>(
  fn: (...args: A) => unknown,
  args: A,
  { tensors }: Flat,
  dry: boolean,
  keep: (recording: Recording) => void,
): unknown {
  const device = currentDevice();
  if (device) submitPending(device);
  // Handles of their own tell an argument from a tensor that the function holds on to. A leaf with a gradient stays itself.
  const inner = tensors.map((t) => (t.current.requiresGrad ? t : Tensor.fromNode(t.current)));
  const trace = new Trace(inner, dry);
  const finish = (value: unknown, isAsync: boolean): unknown => {
    const flat = flatten(value);
    if (inner.some((t, i) => t !== tensors[i] && t.current.variable === t))
      trace.refuses('it makes an argument require gradients; detach() the argument first');
    const results = trace.finish(flat.tensors);
    if (!dry)
      inner.forEach((t, i) => {
        if (t !== tensors[i]) moveArgument(tensors[i], t);
      });
    const template = withTensors(value, new Array<Tensor>(flat.tensors.length).fill(place()));
    const { others, form } = flat;
    keep({ trace, results, template, returned: { others, form }, isAsync });
    if (!dry) trace.forget();
    return trace.refusal ? value : withTensors(value, flat.tensors.map(asValue));
  };
  const result = watched(trace, () => fn(...(withTensors(args, inner) as A)));
  return result instanceof Promise ? result.then((v) => finish(v, true)) : finish(result, false);
}

/** Stands for a result in a template, so that the template holds on to no value. */
const place = (): Tensor => Tensor.fromNode(full([], 0, 'float32'));

/** What the function did to its handle of an argument happens to the caller's. */
function moveArgument(argument: Tensor, { current: node, gradient }: Tensor): void {
  if (node === argument.current) return;
  argument.node = node;
  if (!node.variable) return;
  node.variable = argument;
  argument.grad = gradient;
}

/** The same value without history. */
const asValue = ({ current: node }: Tensor): Tensor =>
  Tensor.fromNode(node.requiresGrad && !node.variable ? leaf(node.storage!, node.shape, node.device) : node);

/** Remembers a recording; says why it is not the same as the one before it. */
function settle(known: Signature, recording: Recording): string | null {
  const { trace } = recording;
  if (trace.refusal !== null) {
    known.last = null;
    known.misses++;
    if (++known.refusals >= MAX_REFUSALS) known.refused = trace.refusal;
    return trace.refusal;
  }
  const { last } = known;
  known.last = recording;
  if (!last) return null;
  const reason =
    difference(last.trace, trace) ??
    (sameReturned(last, recording) ? null : 'it returned other values that are no tensors');
  if (reason === null) {
    known.recordings = [recording, ...known.recordings].slice(0, MAX_RECORDINGS);
    known.last = null;
    known.misses = 0;
  } else if (++known.misses >= MAX_MISSES) known.refused = reason;
  return reason;
}

const sameReturned = (a: Recording, b: Recording): boolean =>
  a.returned.form === b.returned.form &&
  a.returned.others.every((x, i) => Object.is(x, b.returned.others[i])) &&
  a.results.every(({ ref }, i) => sameRef(ref, b.results[i].ref));
