import {
  BINARY_OPS,
  COMPARE_OPS,
  type Node,
  type OpAttrs,
  REDUCE_OPS,
  SCAN_OPS,
  type Tensor,
  UNARY_OPS,
} from '@neurite/tensor';

const PER_ELEMENT: ReadonlySet<string> = new Set([...UNARY_OPS, ...BINARY_OPS, ...COMPARE_OPS, 'where']);
const PER_INPUT: ReadonlySet<string> = new Set([...REDUCE_OPS, ...SCAN_OPS]);

/**
 * Floating-point operations recorded between `inputs` and `outputs`: two per multiply-add of a matmul or
 * convolution, one per element of an elementwise op's output and of a reduction's input; movement is free.
 */
export function countFlops(inputs: readonly Tensor[], outputs: readonly Tensor[]): number {
  const seen = new Set<Node>(inputs.map((tensor) => tensor.node));
  const stack = outputs.map((tensor) => tensor.node);
  let total = 0;
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    total += flopsOf(node);
    stack.push(...node.inputs);
  }
  return total;
}

function flopsOf(node: Node): number {
  const elements = size(node.shape);
  if (node.op === 'matmul') return 2 * elements * (node.inputs[0].shape.at(-1) ?? 1);
  if (node.op === 'conv') {
    const weight = node.inputs[1].shape;
    const zeros = (node.attrs as OpAttrs['conv']).inputDilation.reduce((a, b) => a * b, 1);
    return (2 * elements * size(weight.slice(1))) / zeros;
  }
  if (node.op === 'named') {
    const { op, params } = node.attrs as OpAttrs['named'];
    return op.flops(
      node.inputs.map((input) => input.shape),
      params,
    );
  }
  if (PER_ELEMENT.has(node.op)) return elements;
  if (PER_INPUT.has(node.op)) return size(node.inputs[0].shape);
  return 0;
}

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
