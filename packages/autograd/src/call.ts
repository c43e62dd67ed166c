import { isFloat, isGradEnabled, type Node, type NodeGradient, record, Tensor } from '@neurite/tensor';

/** A gradient per output; null where none arrived. */
export type OutputGradients = readonly (Tensor | null)[];

export interface Call {
  readonly name: string;
  readonly inputs: readonly Tensor[];
  /** Results computed without a tape. */
  readonly values: readonly Tensor[];
  /** Results that carry no gradient, besides those that are no floats. */
  readonly excluded?: ReadonlySet<Tensor>;
  readonly saves: () => boolean;
  readonly backward: (gradients: OutputGradients) => readonly (Tensor | null)[];
}

/** The value on a node that is nobody else's. */
const ownNode = ({ node }: Tensor): Tensor =>
  Tensor.fromNode(record('detach', [node], {}, node.shape, node.dtype));

/** Tensors with the same values whose gradients come from `backward` and go to `inputs`. */
export function attach({ name, inputs, values, excluded, saves, backward }: Call): Tensor[] {
  const tracked = (value: Tensor): boolean => isFloat(value.dtype) && !excluded?.has(value);
  const outputs = values.map((value) => (tracked(value) ? ownNode(value) : value));
  const gradient: NodeGradient = {
    name,
    inputs: inputs.map((t) => t.node),
    outputs: outputs.map((t): Node => t.node),
    saves,
    backward,
    consumed: false,
  };
  values.forEach((value, i) => {
    if (!tracked(value)) return;
    const { node } = outputs[i];
    node.gradient = gradient;
    node.requiresGrad = true;
  });
  return outputs;
}

/**
 * The same tensor as a variable of its own: a gradient with respect to it does not count other uses of `x`. While gradients
 * are recorded it stays connected to `x`.
 */
export function independent(x: Tensor): Tensor {
  if (!x.requiresGrad || !isGradEnabled()) return x.detach().requiresGrad_();
  return attach({ name: 'alias', inputs: [x], values: [x], saves: () => false, backward: (g) => g })[0];
}
