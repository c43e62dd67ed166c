import type { ModuleTree } from './tree.js';

/**
 * Runs before `forward`; what it returns (an array: all of them; anything else but undefined: the only one)
 * replaces the arguments.
 */
export type ForwardPreHook = (module: ModuleTree, args: readonly unknown[]) => unknown;
/** Runs after `forward`; what it returns (unless undefined) replaces the output. */
export type ForwardHook = (module: ModuleTree, args: readonly unknown[], output: unknown) => unknown;

/** Takes a hook away again. */
export interface HookHandle {
  remove(): void;
}

/** Adds a hook to an ordered set. Wrapping it lets one function be registered twice and removed once. */
export function addHook<H>(hooks: Set<{ readonly run: H }>, run: H): HookHandle {
  const entry = { run };
  hooks.add(entry);
  return { remove: () => void hooks.delete(entry) };
}
