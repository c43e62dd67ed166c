/** Arguments and results with tensors in them: arrays and plain objects to any depth. */
import { Tensor } from '../tensor.js';

const isPlain = (x: unknown): x is Record<string, unknown> =>
  typeof x === 'object' && x !== null && Object.getPrototypeOf(x) === Object.prototype;

/** Calls `visit` for everything that is no array and no plain object, in order; `open` tells the structure around. */
function walkTree(tree: unknown, open: (form: string) => void, visit: (leaf: unknown) => void): void {
  if (Array.isArray(tree)) {
    open(`[${tree.length}`);
    for (const x of tree) walkTree(x, open, visit);
  } else if (isPlain(tree)) {
    const keys = Object.keys(tree);
    open(`{${keys.map((k) => JSON.stringify(k)).join()}`);
    for (const k of keys) walkTree(tree[k], open, visit);
  } else visit(tree);
}

export interface Flat {
  readonly tensors: readonly Tensor[];
  /** Everything else, in order. */
  readonly others: readonly unknown[];
  /** What the tree looks like around its leaves. */
  readonly form: string;
}

export function flatten(tree: unknown): Flat {
  const tensors: Tensor[] = [];
  const others: unknown[] = [];
  let form = '';
  walkTree(
    tree,
    (text) => {
      form += text;
    },
    (leaf) => {
      if (leaf instanceof Tensor) {
        tensors.push(leaf);
        form += 'T';
      } else {
        others.push(leaf);
        form += '.';
      }
    },
  );
  return { tensors, others, form };
}

/** The same tree with other tensors, taken in order. */
export function withTensors(tree: unknown, tensors: readonly Tensor[]): unknown {
  let next = 0;
  const visit = (x: unknown): unknown => {
    if (x instanceof Tensor) return tensors[next++];
    if (Array.isArray(x)) return x.map(visit);
    if (isPlain(x)) return Object.fromEntries(Object.entries(x).map(([k, v]) => [k, visit(v)]));
    return x;
  };
  return visit(tree);
}
