import { AutogradError, Tensor } from '@neurite/tensor';

/** Tensors, or arrays and plain objects of them to any depth: what a function may be differentiated with respect to. */
export type TensorTree = Tensor | readonly TensorTree[] | { readonly [key: string]: TensorTree };

/** The tensors of a tree, in order. Throws AutogradError for anything else in it; `where` names the argument. */
export function leavesOf(tree: unknown, where: string): Tensor[] {
  if (tree instanceof Tensor) return [tree];
  if (Array.isArray(tree)) return tree.flatMap((t) => leavesOf(t, where));
  if (typeof tree === 'object' && tree !== null)
    return Object.values(tree).flatMap((t) => leavesOf(t, where));
  throw new AutogradError(`${where}: expected a Tensor, or arrays or objects of them, got ${typeof tree}`);
}

/** A tree of the same structure with other leaves, taken in order. */
export function rebuild<T>(tree: unknown, leaves: readonly T[]): unknown {
  let next = 0;
  const visit = (t: unknown): unknown => {
    if (t instanceof Tensor) return leaves[next++];
    if (Array.isArray(t)) return t.map(visit);
    return Object.fromEntries(Object.entries(t as object).map(([k, v]) => [k, visit(v)]));
  };
  return visit(tree);
}
