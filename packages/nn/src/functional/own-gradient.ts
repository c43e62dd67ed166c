import { isGradEnabled, noGrad, record, Tensor } from '@neurite/tensor';

/**
 * Computes `forward` without a tape and gives the result `backward` as its gradient, for a function whose
 * derivative is known in a cheaper form than the rules of its ops would give. `backward` is made of ordinary
 * ops of the gradient, so higher derivatives work where the function is piecewise linear.
 */
export function withOwnGradient(
  name: string,
  input: Tensor,
  forward: () => Tensor,
  backward: (gradient: Tensor) => Tensor,
): Tensor {
  const value = noGrad(forward);
  if (!input.node.requiresGrad || !isGradEnabled()) return value;
  const node = record('detach', [value.node], {}, value.shape, value.dtype);
  node.requiresGrad = true;
  node.gradient = {
    name,
    inputs: [input.node],
    outputs: [node],
    saves: () => true,
    backward: ([gradient]: readonly (Tensor | null)[]) => [gradient && backward(gradient)],
    consumed: false,
  };
  return Tensor.fromNode(node);
}
