import {
  type DType,
  type NON_DIFFERENTIABLE,
  type OpAttrs,
  type PrimitiveOp,
  record,
  Tensor,
} from '@neurite/tensor';

/** Ops that gradients flow through by a rule of this package: a named op brings its own. */
export type DifferentiableOp = Exclude<PrimitiveOp, (typeof NON_DIFFERENTIABLE)[number] | 'named'>;

/**
 * Gradient of one input: from the gradient of the output, the op's inputs, its output and its attributes. Built of
 * ordinary ops, so that it fuses and differentiates again.
 */
export type InputRule<O extends PrimitiveOp> = (
  g: Tensor,
  inputs: readonly Tensor[],
  output: Tensor,
  attrs: OpAttrs[O],
) => Tensor;

/** One row per input (null: gradients never flow there), or a function of the input's position for any number of inputs. */
export type Rule<O extends PrimitiveOp> =
  | readonly (InputRule<O> | null)[]
  | ((position: number) => InputRule<O>);

/** Rules of some ops. */
export type Rules<O extends PrimitiveOp> = { readonly [K in O]: Rule<K> };

/** Records one primitive op on tensors, where its attributes say more plainly than a method what is meant. */
export function primitive<O extends PrimitiveOp>(
  name: O,
  inputs: readonly Tensor[],
  attrs: OpAttrs[O],
  shape: readonly number[],
  dtype: DType = inputs[0].dtype,
): Tensor {
  return Tensor.fromNode(
    record(
      name,
      inputs.map((t) => t.node),
      attrs,
      shape,
      dtype,
    ),
  );
}

/** 0, 1, 2, … along `dim`, as int32. */
export const iota = (shape: readonly number[], dim: number): Tensor =>
  primitive('iota', [], { dim }, shape, 'int32');

/** `full` with the shape and dtype of `like`. */
export const filled = (like: Tensor, value: number): Tensor =>
  Tensor.fromNode(record('full', [], { value }, like.shape, like.dtype));
