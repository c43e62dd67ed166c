/** Gradients of named ops: what they bring themselves, and those of what they are made of. */
import { enableGrad, isGradEnabled, type Node, type OpAttrs, record, Tensor } from '@neurite/tensor';
import type { walk } from './walk.js';

/** Gradients of a named node's inputs (null: none arrives), from that of its output. */
export function namedGradients(
  node: Node,
  g: Tensor,
  isWanted: readonly boolean[],
  walkBack: typeof walk,
): (Tensor | null)[] {
  const { op, params } = node.attrs as OpAttrs['named'];
  const own = op.gradients?.(g.node, node.inputs, node, params, isWanted) ?? [];
  const gradients = node.inputs.map((_, i) => own[i] && Tensor.fromNode(own[i]));
  const open = isWanted.map((wanted, i) => wanted && !gradients[i]);
  if (!open.includes(true)) return gradients.map((t) => t ?? null);
  // The walk ends at stand-ins, which are the inputs under another name: whatever comes before belongs to the caller's walk.
  const inputs: Node[] = node.inputs.map((t) =>
    enableGrad(() => record('reshape', [t], {}, t.shape, t.dtype)),
  );
  const result = enableGrad(() => op.decompose(inputs, params));
  walkBack([result], [g], {
    targets: new Set(inputs.filter((_, i) => open[i])),
    until: new Set(inputs),
    retainGraph: true,
    createGraph: isGradEnabled(),
    arrive(arrived, gradient) {
      const i = inputs.indexOf(arrived);
      if (i >= 0 && open[i]) gradients[i] = gradient;
    },
  });
  return gradients.map((t) => t ?? null);
}
