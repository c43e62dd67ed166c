import { noGrad, StateDictError, settle, Tensor } from '@neurite/tensor';
import { joinKey } from './names.js';
import type { ModuleTree } from './tree.js';

/** Parameters and persistent buffers by PyTorch's keys, in PyTorch's order. */
export type StateDict = Record<string, Tensor>;

export interface LoadOptions {
  /** Whether missing and unexpected keys are errors. Sizes that differ always are. */
  strict?: boolean;
}

/** The keys that did not match, empty after a strict load. */
export interface IncompatibleKeys {
  readonly missingKeys: string[];
  readonly unexpectedKeys: string[];
}

/**
 * Collects `{'fc1.weight': …, 'bn.running_mean': …}`: a module's own parameters, then its persistent buffers,
 * then its children's. The values are the module's own tensors, not copies: read after an optimizer step they
 * show the new values, as in PyTorch. A parameter that two modules share appears under both keys.
 */
export function collectState(module: ModuleTree, prefix = '', into: StateDict = {}): StateDict {
  const members = [...module.members()];
  for (const member of members)
    if (member.kind === 'parameter') into[joinKey(prefix, member.key)] = member.value;
  for (const member of members) {
    if (member.kind === 'buffer' && member.persistent) into[joinKey(prefix, member.key)] = member.value;
  }
  for (const member of members)
    if (member.kind === 'module') collectState(member.value, joinKey(prefix, member.key), into);
  return into;
}

/**
 * Copies the tensors of `state` into the module's parameters and buffers, casting to their dtype. Everything
 * is checked before anything changes; StateDictError lists every key that is missing, unexpected, no tensor,
 * or of another size.
 */
export function loadState(
  module: ModuleTree,
  state: Readonly<StateDict>,
  { strict = true }: LoadOptions = {},
): IncompatibleKeys {
  const own = collectState(module);
  const missingKeys = Object.keys(own).filter((key) => !Object.hasOwn(state, key));
  const unexpectedKeys = Object.keys(state).filter((key) => !Object.hasOwn(own, key));
  const problems: string[] = [];
  if (strict && missingKeys.length > 0) problems.push(`missing keys: ${quoted(missingKeys)}`);
  if (strict && unexpectedKeys.length > 0) problems.push(`unexpected keys: ${quoted(unexpectedKeys)}`);
  for (const [key, target] of Object.entries(own)) {
    if (!Object.hasOwn(state, key)) continue;
    const value: unknown = state[key];
    if (!(value instanceof Tensor)) problems.push(`no tensor at '${key}'`);
    else if (!sameSizes(value.shape, target.shape)) {
      problems.push(
        `size mismatch for '${key}': [${value.shape.join(', ')}] in the state, [${target.shape.join(', ')}] in the model`,
      );
    }
  }
  if (problems.length > 0) {
    throw new StateDictError(
      `loadStateDict: the state does not fit ${module.constructor.name}:\n  ${problems.join('\n  ')}`,
    );
  }
  noGrad(() => {
    for (const [key, target] of Object.entries(own)) {
      if (Object.hasOwn(state, key) && state[key] !== target) target.copy_(state[key].detach());
    }
  });
  settle(...Object.values(own));
  return { missingKeys, unexpectedKeys };
}

const quoted = (keys: readonly string[]): string => keys.map((key) => `'${key}'`).join(', ');

const sameSizes = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i]);
