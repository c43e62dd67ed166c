/** The backward walk: from the gradients of some tensors to the gradients of what they were computed from. */
import {
  AutogradError,
  enableGrad,
  type Node,
  type NodeGradient,
  noGrad,
  opName,
  Tensor,
  unlisted,
  withTrace,
} from '@neurite/tensor';
import { namedGradients } from './named.js';
import type { InputRule } from './rules/rule.js';
import { RULES, SAVES_NOTHING } from './rules.js';
import { neighboursOf, putBack, type SliceGradient } from './slices.js';
import { isCall, isLeaf, reaching, type Stop, tapeOf } from './tape.js';

export interface WalkOptions {
  /** Only stops on the way to these are visited; null: all. */
  readonly targets: ReadonlySet<Node> | null;
  /** Gradients arrive at these, but go no further. */
  readonly until?: ReadonlySet<Node>;
  readonly retainGraph: boolean;
  readonly createGraph: boolean;
  /** Receives the final gradient of each tensor, after its hooks. */
  readonly arrive: (node: Node, gradient: Tensor) => void;
}

type Slots = (Tensor | null)[];

/**
 * Walks from `roots` (with one gradient each) against the direction of computation. Only records: nothing is computed.
 * Throws AutogradError, before any gradient has moved, where an earlier backward has freed what a rule needs.
 */
export function walk(roots: readonly Node[], gradients: readonly Tensor[], options: WalkOptions): void {
  const gradMode = options.createGraph ? enableGrad : noGrad;
  // No autocast: gradients have the dtypes that the forward pass chose.
  const mode = (record: () => void): void => unlisted(() => gradMode(record));
  mode(() => {
    const tape = tapeOf(roots, options.until);
    const onTheWay = options.targets ? reaching(tape, options.targets) : new Set(tape);
    const visited = tape.filter((stop) => onTheWay.has(stop)).reverse();
    visited.forEach(checkNotFreed);

    const pending = new Map<Node, Tensor>();
    const slices = new Map<Node, SliceGradient[]>();
    const slots = new Map<NodeGradient, Slots>();
    const send = (node: Node, gradient: Tensor): void => {
      if (!onTheWay.has(node)) return;
      const before = pending.get(node);
      pending.set(node, before ? before.add(gradient) : gradient);
    };
    const sendSlice = (node: Node, slice: SliceGradient): void => {
      const before = slices.get(node);
      if (before) before.push(slice);
      else slices.set(node, [slice]);
    };
    for (const [i, root] of roots.entries()) send(root, gradients[i]);

    for (const stop of visited) {
      if (isCall(stop)) {
        const received = slots.get(stop);
        if (received) callGradients(stop, received, onTheWay, send);
        slots.delete(stop);
        continue;
      }
      const parts = slices.get(stop);
      if (parts) traced(parts[0].from, () => send(stop, putBack(parts, stop.shape)));
      slices.delete(stop);
      const arrived = pending.get(stop);
      if (!arrived) continue;
      pending.delete(stop);
      const gradient = runHooks(stop, arrived);
      options.arrive(stop, gradient);
      if (options.until?.has(stop)) continue;
      const neighbours = neighboursOf(stop);
      if (stop.gradient) fill(slots, stop.gradient, stop, gradient);
      else if (neighbours) {
        const [input] = stop.inputs;
        if (onTheWay.has(input)) sendSlice(input, { ...neighbours, gradient, from: stop });
      } else traced(stop, () => opGradients(stop, gradient, onTheWay, send));
    }
    if (!options.retainGraph) for (const stop of visited) stop.consumed = true;
  });
}

/** Under `detectAnomaly`, names the differentiated op and its line in what its rule records. */
function traced(node: Node, record: () => void): void {
  if (node.trace === null) record();
  else withTrace(`in the gradient of ${opName(node)}${node.trace.slice(node.trace.indexOf('\n'))}`, record);
}

function checkNotFreed(stop: Stop): void {
  if (!stop.consumed || isLeaf(stop) || !needsFreed(stop)) return;
  throw new AutogradError(
    `Trying to backward through the graph a second time: what ${isCall(stop) ? stop.name : opName(stop)} had saved was freed ` +
      'by the first backward; pass {retainGraph: true} to the first one if you need both',
  );
}

/** Whether a backward through a stop needs something that an earlier one has freed. */
function needsFreed(stop: Stop): boolean {
  if (isCall(stop)) return stop.saves();
  if (stop.gradient) return false;
  // A computed value lets go of its inputs once a backward has gone through.
  return stop.inputs.length === 0 || !SAVES_NOTHING.has(stop.op);
}

function fill(slots: Map<NodeGradient, Slots>, call: NodeGradient, output: Node, gradient: Tensor): void {
  let row = slots.get(call);
  if (!row) {
    row = call.outputs.map(() => null);
    slots.set(call, row);
  }
  row[call.outputs.indexOf(output)] = gradient;
}

function opGradients(
  node: Node,
  g: Tensor,
  onTheWay: ReadonlySet<Stop>,
  send: (node: Node, gradient: Tensor) => void,
): void {
  const { inputs } = node;
  const isWanted = inputs.map((input) => input.requiresGrad && onTheWay.has(input));
  if (node.op === 'named') {
    namedGradients(node, g, isWanted, walk).forEach((gradient, i) => {
      if (gradient) send(inputs[i], conform(gradient, inputs[i], opName(node)));
    });
    return;
  }
  // One op's rule and its attributes belong together; the table's type says so, an op known only at run time cannot.
  const rule = RULES[node.op as keyof typeof RULES] as
    | readonly (InputRule<never> | null)[]
    | ((position: number) => InputRule<never>);
  let tensors: Tensor[] | undefined;
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i];
    const row = isWanted[i] && (typeof rule === 'function' ? rule(i) : rule[i]);
    if (!row) continue;
    tensors ??= inputs.map((t) => Tensor.fromNode(t));
    send(input, conform(row(g, tensors, Tensor.fromNode(node), node.attrs as never), input, node.op));
  }
}

function callGradients(
  call: NodeGradient,
  received: Slots,
  onTheWay: ReadonlySet<Stop>,
  send: (node: Node, gradient: Tensor) => void,
): void {
  const gradients = call.backward(received as never) as readonly (Tensor | null)[];
  call.inputs.forEach((input, i) => {
    const gradient = gradients[i];
    if (gradient && input.requiresGrad && onTheWay.has(input))
      send(input, conform(gradient, input, call.name));
  });
}

function runHooks(node: Node, gradient: Tensor): Tensor {
  if (!node.hooks) return gradient;
  let result = gradient;
  for (const hook of [...node.hooks]) {
    const replacement = hook(result as never);
    if (replacement === undefined || replacement === null) continue;
    if (!(replacement instanceof Tensor)) {
      throw new AutogradError(
        `hook: a tensor hook must return a Tensor or nothing, got ${typeof replacement}`,
      );
    }
    result = conform(replacement, node, 'hook');
  }
  return result;
}

/**
 * The gradient in the shape and dtype of what it is the gradient of; a gradient with broadcast dimensions is summed. The
 * one place where that happens.
 */
function conform(gradient: Tensor, node: Node, from: string): Tensor {
  const { shape, dtype } = node;
  const typed = gradient.dtype === dtype ? gradient : gradient.to(dtype);
  if (sameShape(typed.shape, shape)) return typed;
  const extra = typed.ndim - shape.length;
  if (extra < 0 || shape.some((n, d) => n !== 1 && n !== typed.shape[d + extra])) {
    throw new AutogradError(
      `${from}: returned a gradient of shape [${typed.shape}] for a tensor of shape [${shape}]; they must be equal, or the former a broadcast of the latter`,
    );
  }
  const dims = typed.shape.flatMap((n, d) => (d < extra || shape[d - extra] !== n ? [d] : []));
  return typed.sum(dims, { keepdim: true }).reshape(shape);
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
