import {
  defaultGenerator,
  enableGrad,
  isGradEnabled,
  type Node,
  noGrad,
  Tensor,
  withPresentAutocast,
} from '@neurite/tensor';
import { attach, independent, type OutputGradients } from './call.js';
import { walk } from './walk.js';

/**
 * Calls `fn(...inputs)` without a tape and calls it again in the backward, with the same random numbers, so that nothing
 * it computes on the way is kept in between. As torch.utils.checkpoint (non-reentrant): what `fn` uses besides its
 * arguments (a module's parameters) gets its gradients too, and `grad(…)` works through it.
 */
export function checkpoint<A extends readonly Tensor[], R extends Tensor | readonly Tensor[]>(
  fn: (...inputs: A) => R,
  ...inputs: A
): R {
  if (!isGradEnabled()) return fn(...inputs);
  const random = defaultGenerator.state;
  const run = withPresentAutocast((args: readonly Tensor[]): R => fn(...(args as unknown as A)));
  const args = inputs.map((x) => x.detach());
  const result = noGrad(() => run(args));
  const free = sourcesOf(listOf(result), new Set(args.map((t) => t.node)));
  if (free.length === 0 && !inputs.some((x) => x.requiresGrad)) return result;

  const recompute = (received: OutputGradients): (Tensor | null)[] => {
    const variables = inputs.map((x) => (x.requiresGrad ? independent(x) : x));
    const roots = withState(random, () => enableGrad(() => listOf(run(variables))));
    const used = roots.flatMap((root, i) => (received[i] && root.requiresGrad ? [i] : []));
    const targets = [...variables.filter((x) => x.requiresGrad).map((x) => x.node), ...free];
    const found = new Map<Node, Tensor>();
    const boundary = new Set(targets);
    walk(
      used.map((i) => roots[i].node),
      used.map((i) => received[i] as Tensor),
      {
        targets: boundary,
        until: boundary,
        retainGraph: true,
        createGraph: isGradEnabled(),
        arrive: (node, g) => {
          if (boundary.has(node)) found.set(node, g);
        },
      },
    );
    return [...variables.map((x) => x.node), ...free].map((node) => found.get(node) ?? null);
  };
  const outputs = attach({
    name: 'checkpoint',
    inputs: [...inputs, ...free.map((node) => Tensor.fromNode(node))],
    values: listOf(result),
    saves: () => true,
    backward: recompute,
  });
  return (result instanceof Tensor ? outputs[0] : outputs) as unknown as R;
}

const listOf = (result: Tensor | readonly Tensor[]): readonly Tensor[] =>
  result instanceof Tensor ? [result] : result;

/** What a computation without a tape would have sent gradients to, its arguments aside. */
function sourcesOf(results: readonly Tensor[], args: ReadonlySet<Node>): Node[] {
  const sources: Node[] = [];
  const seen = new Set<Node>(args);
  const stack = results.map((t) => t.node);
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (node.requiresGrad) sources.push(node);
    else stack.push(...node.inputs);
  }
  return sources;
}

/** Runs `fn` with the default generator in an earlier state. */
function withState<T>(state: typeof defaultGenerator.state, fn: () => T): T {
  const now = defaultGenerator.state;
  defaultGenerator.state = state;
  try {
    return fn();
  } finally {
    defaultGenerator.state = now;
  }
}
