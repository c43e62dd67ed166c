import { AutogradError, enableGrad, isGradEnabled, type Node, type Tensor, zerosLike } from '@neurite/tensor';
import { gradients } from './backward.js';
import { independent } from './call.js';
import { isLeaf, tapeOf } from './tape.js';
import { leavesOf, rebuild } from './tree.js';

export interface Differentiated {
  readonly outputs: readonly Tensor[];
  /** Whether `f` returned one tensor and not an array. */
  readonly single: boolean;
  /** The variables that stand for the leaves of the chosen arguments. */
  readonly variables: readonly Tensor[];
  /** Whether results stay differentiable for the caller. */
  readonly recorded: boolean;
  /** Gradients in the structure of the chosen arguments from gradients of the outputs (null: 1). May be called again. */
  readonly pull: (gradOutputs: readonly (Tensor | null)[]) => unknown;
  /** A result as the caller gets it: off this function's own tape. */
  readonly finish: (result: Tensor) => Tensor;
}

/**
 * Calls `f` with variables of its own in place of the chosen arguments. Gradients stay differentiable exactly when
 * something outside this call can be differentiated with respect to: an argument that requires gradients (as inside
 * another `grad`) or a parameter that `f` uses.
 */
export function differentiate(
  f: (...args: never) => Tensor | readonly Tensor[],
  args: readonly unknown[],
  argnums: number | readonly number[],
  name: string,
): Differentiated {
  const positions = typeof argnums === 'number' ? [argnums] : argnums;
  const trees = positions.map((n) => {
    if (n in args) return args[n];
    throw new AutogradError(
      `${name}: argnums has ${n}, but the function was called with ${args.length} arguments`,
    );
  });
  const chosen = typeof argnums === 'number' ? trees[0] : trees;
  const variables = leavesOf(chosen, `${name}: argument ${positions}`).map(independent);
  const replaced = rebuild(trees, variables) as unknown[];
  const inner = args.map((arg, i) => (positions.includes(i) ? replaced[positions.indexOf(i)] : arg));

  const result = enableGrad(() => f(...(inner as never)));
  const single = !Array.isArray(result);
  const outputs = (single ? [result] : result) as readonly Tensor[];
  const own = new Set(variables.map((v) => v.node));
  const tape = tapeOf(outputs.map((t) => t.node));
  const recorded = isGradEnabled() && tape.some((stop) => isLeaf(stop) && !own.has(stop as Node));

  const finish = (t: Tensor): Tensor => (recorded ? t : t.detach());
  const pull = (gradOutputs: readonly (Tensor | null)[]): unknown => {
    const used = outputs.flatMap((t, i) => (t.requiresGrad ? [i] : []));
    const found =
      used.length === 0
        ? variables.map(() => null)
        : gradients(
            used.map((i) => outputs[i]),
            variables,
            {
              gradOutputs: used.map((i) => gradOutputs[i]),
              retainGraph: true,
              createGraph: recorded || (isGradEnabled() && gradOutputs.some((g) => g?.requiresGrad)),
              allowUnused: true,
            },
          );
    return rebuild(
      chosen,
      found.map((g, i) => g ?? zerosLike(variables[i]).detach()),
    );
  };
  return { outputs, single, variables, recorded, pull, finish };
}
