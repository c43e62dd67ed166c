/** `grad`, in both of PyTorch's senses, and `valueAndGrad`. */
import type { Tensor } from '@neurite/tensor';
import { type GradOptions, gradients } from './backward.js';
import { differentiate } from './differentiate.js';

export interface ArgumentOptions<N> {
  /** Position (or positions) of the argument to differentiate with respect to. Default 0. */
  readonly argnums?: N;
}

/** What belongs to one position is one value, what belongs to several a tuple. */
export type Selected<A extends readonly unknown[], N> = N extends number
  ? A[N]
  : N extends readonly number[]
    ? { -readonly [K in keyof N]: A[N[K] & number] }
    : never;

type Positions = number | readonly number[];

/**
 * The gradient of a function, as torch.func.grad: `grad(f)(x, y)` is df/dx in the shape of `x`; `argnums` chooses other
 * arguments. Arguments may be tensors, or arrays and objects of tensors. `f` returns a scalar. Nests: `grad(grad(f))`.
 */
export function grad<A extends readonly unknown[], const N extends Positions = 0>(
  f: (...args: A) => Tensor,
  options?: ArgumentOptions<N>,
): (...args: A) => Selected<A, N>;
/**
 * Gradients of the sum of `outputs` with respect to each of `inputs`, as torch.autograd.grad: nothing is accumulated.
 * Throws AutogradError where an input requires no gradient or (without `allowUnused`) plays no part in the outputs.
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options?: GradOptions & { readonly allowUnused?: false },
): Tensor[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions,
): (Tensor | null)[];
export function grad(first: unknown, second?: unknown, third?: GradOptions): unknown {
  if (typeof first !== 'function') return gradients(first as Tensor, second as Tensor, third);
  const both = valueAndGrad(first as (...args: unknown[]) => Tensor, second as ArgumentOptions<Positions>);
  return (...args: unknown[]) => both(...args)[1];
}

/** The value of a function together with its gradient, as torch.func.grad_and_value (value first). See `grad`. */
export function valueAndGrad<A extends readonly unknown[], const N extends Positions = 0>(
  f: (...args: A) => Tensor,
  { argnums = 0 as N }: ArgumentOptions<N> = {},
): (...args: A) => [value: Tensor, gradient: Selected<A, N>] {
  return (...args) => {
    const { outputs, pull, finish } = differentiate(f, args, argnums, 'grad');
    const gradient = pull([null]);
    return [finish(outputs[0]), gradient as Selected<A, N>];
  };
}
