/** Products with Jacobians, and whole Jacobians and Hessians, as torch.func. */
import { AutogradError, enableGrad, eye, stack, Tensor, zerosLike } from '@neurite/tensor';
import { gradients } from './backward.js';
import { differentiate } from './differentiate.js';
import { type ArgumentOptions, grad, type Selected } from './grad.js';
import { leavesOf, rebuild } from './tree.js';

type Outputs = Tensor | readonly Tensor[];
/** One tensor for one, an array for an array. */
type Like<R extends Outputs> = R extends Tensor ? Tensor : Tensor[];

const listOf = (t: Outputs): readonly Tensor[] => (t instanceof Tensor ? [t] : t);

function checkCount(name: string, what: string, got: number, expected: number): void {
  if (got !== expected) throw new AutogradError(`${name}: ${expected} ${what} expected, got ${got}`);
}

/**
 * Reverse mode, as torch.func.vjp: the value of `f` and a function that multiplies a vector (shaped like the output) with
 * the Jacobian: `const [y, pull] = vjp(f, x); const [gx] = pull(v)`. `pull` returns one gradient per argument.
 */
export function vjp<A extends readonly unknown[], R extends Outputs>(
  f: (...args: A) => R,
  ...primals: A
): [output: R, pull: (cotangents: Like<R>) => A] {
  const all = primals.map((_, i) => i);
  const { outputs, single, pull, finish } = differentiate(f, primals, all, 'vjp');
  const values = outputs.map(finish);
  return [
    (single ? values[0] : values) as unknown as R,
    (cotangents) => {
      const given = listOf(cotangents);
      checkCount('vjp', 'cotangents', given.length, outputs.length);
      return pull(given) as unknown as A;
    },
  ];
}

/**
 * Forward mode, as torch.func.jvp: the value of `f` at `primals` and its derivative in the direction of `tangents`, which
 * have the primals' structure. The vector-Jacobian product is linear in its vector; its own vector-Jacobian product is
 * the one with the transposed Jacobian.
 */
export function jvp<A extends readonly unknown[], R extends Outputs>(
  f: (...args: A) => R,
  primals: A,
  tangents: A,
): [output: R, tangent: Like<R>] {
  const all = primals.map((_, i) => i);
  const { outputs, single, variables, recorded, pull, finish } = differentiate(f, primals, all, 'jvp');
  const directions = leavesOf(tangents, 'jvp: tangents');
  checkCount('jvp', 'tangents', directions.length, variables.length);
  // Any point will do for a linear function.
  const vectors = outputs.map((t) => zerosLike(t).requiresGrad_());
  const pulled = leavesOf(
    enableGrad(() => pull(vectors)),
    'jvp',
  );
  const used = pulled.flatMap((t, i) => (t.requiresGrad ? [i] : []));
  const found =
    used.length === 0
      ? outputs.map(() => null)
      : gradients(
          used.map((i) => pulled[i]),
          vectors,
          { gradOutputs: used.map((i) => directions[i]), createGraph: recorded, allowUnused: true },
        );
  const products = found.map((t, i) => t ?? zerosLike(outputs[i]).detach());
  const values = outputs.map(finish);
  return [
    (single ? values[0] : values) as unknown as R,
    (single ? products[0] : products) as unknown as Like<R>,
  ];
}

/**
 * The Jacobian of a function, as torch.func.jacrev: for an output of shape [o…] and an argument of shape [i…] a tensor
 * [o…, i…], one reverse pass per element of the output. `argnums` and the structure of arguments as in `grad`.
 */
export function jacobian<A extends readonly unknown[], const N extends number | readonly number[] = 0>(
  f: (...args: A) => Tensor,
  { argnums = 0 as N }: ArgumentOptions<N> = {},
): (...args: A) => Selected<A, N> {
  return (...args) => {
    const { outputs, variables, pull } = differentiate(f, args, argnums, 'jacobian');
    const [output] = outputs;
    const basis = eye(output.numel, output.numel, { dtype: output.dtype });
    const rows = Array.from({ length: output.numel }, (_, i) =>
      pull([basis.select(0, i).reshape(output.shape)]),
    );
    const leaves = rows.map((row) => leavesOf(row, 'jacobian'));
    return rebuild(
      rows[0],
      variables.map((v, k) => stack(leaves.map((row) => row[k])).reshape([...output.shape, ...v.shape])),
    ) as Selected<A, N>;
  };
}

/**
 * The matrix of second derivatives of a scalar function, as torch.func.hessian: for an argument of shape [i…] a tensor
 * [i…, i…]. `argnums` chooses the argument, which is a tensor.
 */
export function hessian<A extends readonly unknown[], const N extends number = 0>(
  f: (...args: A) => Tensor,
  options: ArgumentOptions<N> = {},
): (...args: A) => Selected<A, N> {
  return jacobian(grad(f, options) as unknown as (...args: A) => Tensor, options);
}
