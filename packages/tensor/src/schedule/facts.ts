/** What fusion asks of a part again and again, kept up to date while parts merge. */
import { visitExprs } from '../kernel/expr.js';
import type { Expr, LoadExpr, Phase } from '../kernel/ir.js';
import { phaseRoots } from '../kernel/traverse.js';
import { loadsOf, type Part, type StoredAt, storesOf } from './part.js';

export interface Facts {
  readonly loads: Map<number, LoadExpr[]>;
  readonly stores: Map<number, StoredAt[]>;
  /** Distinct expressions, and how many of them are ops. */
  readonly exprs: Set<Expr>;
  readonly ops: number;
}

/** A part made of two, and what it has beyond one of them (null: nothing of either stays as it was). */
export interface Merged {
  readonly part: Part;
  readonly base: Part | null;
  /** Phases that were added to the base's, and where they went. */
  readonly added: readonly { readonly phase: Phase; readonly at: number }[];
}

const copied = <T>(lists: ReadonlyMap<number, readonly T[]>): Map<number, T[]> =>
  new Map([...lists].map(([k, list]) => [k, [...list]]));

export function gather(p: Part): Facts {
  let ops = 0;
  const exprs = new Set<Expr>();
  visitExprs(
    p.phases.flatMap(phaseRoots),
    (e) => {
      if (e.kind === 'op') ops++;
    },
    exprs,
  );
  return { loads: copied(loadsOf(p)), stores: copied(storesOf(p)), exprs, ops };
}

function append<T>(lists: Map<number, T[]>, key: number, value: T): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

function takeBack<T>(lists: Map<number, T[]>, key: number): void {
  const list = lists.get(key)!;
  list.pop();
  if (list.length === 0) lists.delete(key);
}

/**
 * The facts of a merged part, in place of its base's (which goes away with the merge): a chain of merges looks at each expression once.
 * `undo` gives the base its own back.
 */
export function extend(
  base: Facts,
  added: Merged['added'],
): { readonly facts: Facts; readonly undo: () => void } {
  const fresh: Expr[] = [];
  visitExprs(
    added.flatMap(({ phase }) => phaseRoots(phase)),
    (e) => fresh.push(e),
    base.exprs,
  );
  let { ops } = base;
  for (const e of fresh) {
    if (e.kind === 'op') ops++;
    else if (e.kind === 'load') append(base.loads, e.buffer, e);
  }
  const stores = added.flatMap(({ phase, at }) => phase.stores.map((store) => ({ store, phase: at })));
  for (const s of stores) append(base.stores, s.store.buffer, s);
  const undo = () => {
    for (const e of fresh) {
      base.exprs.delete(e);
      if (e.kind === 'load') takeBack(base.loads, e.buffer);
    }
    for (const s of stores) takeBack(base.stores, s.store.buffer);
  };
  return { facts: { ...base, ops }, undo };
}

/** How many buffers a part reads or writes, where a result in `replaces` is written over the leaf that it is mapped to. */
export function buffersOf({ loads, stores }: Facts, replaces: ReadonlyMap<number, number>): number {
  let count = loads.size;
  for (const buffer of stores.keys())
    if (!loads.has(buffer) && !loads.has(replaces.get(buffer) ?? -1)) count++;
  return count;
}
