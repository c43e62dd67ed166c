/** `tensor.backward()` and `grad(outputs, inputs)`: two ways to start a walk. */
import {
  AutogradError,
  type BackwardOptions,
  keep,
  type Node,
  noGrad,
  onesLike,
  Tensor,
} from '@neurite/tensor';
import { sameShape, walk } from './walk.js';

export interface GradOptions {
  /** Gradients of the outputs; a scalar output needs none. */
  readonly gradOutputs?: Tensor | readonly (Tensor | null)[] | null;
  readonly retainGraph?: boolean;
  readonly createGraph?: boolean;
  /** Give null for an input that the outputs do not depend on, instead of an error. */
  readonly allowUnused?: boolean;
}

/**
 * Adds the gradient of `root` to the `grad` of every leaf it was computed from, as torch.Tensor.backward. Only records; the
 * gradients are computed with the next step or read. `root` stays readable after the step.
 * Throws AutogradError when `root` requires no gradient, is no scalar and comes without `gradient`, or was freed.
 */
export function backward(root: Tensor, gradient?: Tensor | null, options: BackwardOptions = {}): void {
  const { createGraph = false, retainGraph = createGraph, inputs } = options;
  if (inputs?.length === 0)
    throw new AutogradError('backward: inputs is empty; leave it out to reach every leaf');
  const targets = inputs && new Map(inputs.map((t) => [t.node, t]));
  targets?.forEach(checkRequiresGrad);
  const first = startingGradient(root, gradient ?? null, 0);
  const arrived: [Tensor, Tensor][] = [];
  walk([root.node], [first], {
    targets: targets ? new Set(targets.keys()) : null,
    retainGraph,
    createGraph,
    arrive: (node, g) => {
      const leaf = targets ? targets.get(node) : node.variable;
      const variable = (leaf ?? node.retainer) as Tensor | null;
      if (variable) arrived.push([variable, g]);
    },
  });
  // Only now: a hook or a custom function that throws leaves every grad as it was.
  for (const [variable, g] of arrived) accumulate(variable, g, createGraph);
  keep(root);
}

/**
 * Gradients of the sum of `outputs` with respect to `inputs`, as torch.autograd.grad: nothing is accumulated anywhere.
 * Throws AutogradError where an input requires no gradient or (without `allowUnused`) plays no part in the outputs.
 */
export function gradients(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  const { createGraph = false, retainGraph = createGraph, allowUnused = false } = options;
  const roots = listOf(outputs);
  const wanted = listOf(inputs);
  const given = options.gradOutputs == null ? roots.map(() => null) : listOf(options.gradOutputs);
  if (given.length !== roots.length) {
    throw new AutogradError(`grad: ${roots.length} outputs need as many gradOutputs, got ${given.length}`);
  }
  wanted.forEach(checkRequiresGrad);
  const found = new Map<Node, Tensor>();
  const retained: [Tensor, Tensor][] = [];
  const targets = new Set(wanted.map((t) => t.node));
  walk(
    roots.map((root) => root.node),
    roots.map((root, i) => startingGradient(root, given[i], i)),
    {
      targets,
      retainGraph,
      createGraph,
      arrive: (node, g) => {
        if (targets.has(node)) found.set(node, g);
        if (node.retainer) retained.push([node.retainer as Tensor, g]);
      },
    },
  );
  for (const [variable, g] of retained) accumulate(variable, g, createGraph);
  return wanted.map((t, i) => {
    const g = found.get(t.node);
    if (g) return ownHandle(g, createGraph);
    if (allowUnused) return null;
    throw new AutogradError(
      `grad: input ${i} appears to not have been used in the graph of the outputs; set allowUnused: true if that is meant`,
    );
  });
}

/** The gradient that a walk starts with: the given one, or 1 for a scalar. */
function startingGradient(root: Tensor, gradient: Tensor | null, position: number): Tensor {
  if (!root.requiresGrad) {
    throw new AutogradError(
      `element ${position} of tensors does not require grad and does not have a grad_fn`,
    );
  }
  if (!gradient) {
    if (root.numel !== 1) {
      throw new AutogradError(
        `grad can be implicitly created only for scalar outputs, got shape [${root.shape}]; pass a gradient of that shape`,
      );
    }
    return noGrad(() => onesLike(root));
  }
  if (!sameShape(gradient.shape, root.shape)) {
    throw new AutogradError(
      `Mismatch in shape: gradient ${position} has shape [${gradient.shape}], its output has shape [${root.shape}]`,
    );
  }
  return gradient.dtype === root.dtype ? gradient : gradient.to(root.dtype);
}

function checkRequiresGrad(input: Tensor): void {
  if (!input.requiresGrad) throw new AutogradError('One of the differentiated Tensors does not require grad');
}

/** Out of place: whoever holds the earlier `grad` keeps its value. */
function accumulate(variable: Tensor, gradient: Tensor, createGraph: boolean): void {
  const sum = (): Tensor => (variable.grad ? variable.grad.add(gradient) : gradient);
  variable.grad = ownHandle(createGraph ? sum() : noGrad(sum), createGraph);
}

/** A handle that is the caller's alone: in-place methods re-point handles, and a gradient may be several tensors'. */
const ownHandle = (gradient: Tensor, createGraph: boolean): Tensor =>
  gradient.requiresGrad && !createGraph ? gradient.detach() : Tensor.fromNode(gradient.node);

const listOf = <T>(one: T | readonly T[]): readonly T[] => (Array.isArray(one) ? one : [one as T]);
