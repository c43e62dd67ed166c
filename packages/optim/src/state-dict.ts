import { type Device, StateDictError, Tensor } from '@neurite/tensor';
import { camelCase, snakeCase } from './names.js';
import { type BaseOptions, isScheduled, type ParamGroup } from './parameter-groups.js';
import type { ParameterState, StateLayout } from './parameter-state.js';

/** A group in PyTorch's layout: options in snake_case, parameters as positions counted through all groups. */
export type SavedGroup = Record<string, unknown> & { params: number[] };

/** PyTorch's `Optimizer.state_dict()`: state by the parameter's position, and groups. */
export interface OptimizerStateDict {
  readonly state: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly param_groups: readonly SavedGroup[];
}

/** A number of the state that is still a tensor on a device. */
interface Unread {
  readonly state: ParameterState;
  readonly name: string;
  readonly value: Tensor;
}

type Groups = readonly ParamGroup<BaseOptions>[];

/** PyTorch's choices between implementations; they do not change results and have no counterpart. */
const IMPLEMENTATION_FLAGS = ['foreach', 'capturable', 'differentiable', 'fused'];

/** PyTorch's layout of an optimizer's state. */
export function exportState(
  groups: Groups,
  states: ReadonlyMap<Tensor, ParameterState>,
  unread: readonly Unread[],
): OptimizerStateDict {
  const state: Record<string, ParameterState> = {};
  let position = 0;
  const param_groups = groups.map(({ params, ...options }) => {
    const saved: SavedGroup = { params: [] };
    for (const [name, value] of Object.entries(options)) {
      saved[snakeCase(name)] = Array.isArray(value) ? [...value] : value;
    }
    for (const param of params) {
      const entry = states.get(param);
      if (entry) {
        state[position] = { ...entry };
        for (const late of unread) if (late.state === entry) state[position][late.name] = late.value;
      }
      saved.params.push(position++);
    }
    return saved;
  });
  return { state, param_groups };
}

interface Rules {
  readonly layout: (options: BaseOptions) => StateLayout;
  readonly check: (options: BaseOptions) => void;
}

interface Imported {
  readonly state: Map<Tensor, ParameterState>;
  readonly unread: Unread[];
  /** Tensors of `state` that the caller owns. */
  readonly borrowed: WeakSet<Tensor>;
  /** Options per group. */
  readonly options: Record<string, unknown>[];
}

/** Checks a saved state against an optimizer and translates it; throws StateDictError and changes nothing itself. */
export function importState(who: string, saved: OptimizerStateDict, groups: Groups, rules: Rules): Imported {
  const fail = (problem: string): never => {
    throw new StateDictError(`${who}.loadStateDict: ${problem}`);
  };
  if (typeof saved?.state !== 'object' || !Array.isArray(saved.param_groups)) {
    return fail('expected an object with state and param_groups');
  }
  if (saved.param_groups.length !== groups.length) {
    fail(
      `the saved state has ${saved.param_groups.length} parameter groups, the optimizer has ${groups.length}`,
    );
  }
  const imported: Imported = { state: new Map(), unread: [], borrowed: new WeakSet(), options: [] };
  const seen = new Set<string>();
  groups.forEach((group, g) => {
    const savedGroup = saved.param_groups[g];
    if (savedGroup.params?.length !== group.params.length) {
      fail(
        `group ${g} has ${savedGroup.params?.length} parameters in the saved state, ${group.params.length} in the optimizer`,
      );
    }
    const options = importOptions(savedGroup, group, `group ${g}`, fail);
    const merged = { ...group, ...options };
    rules.check(merged);
    imported.options.push(options);
    const layout = rules.layout(merged);
    group.params.forEach((param, i) => {
      const id = String(savedGroup.params[i]);
      seen.add(id);
      const entry = saved.state[id];
      if (entry)
        imported.state.set(param, importEntry(entry, param, layout, `parameter ${id}`, imported, fail));
    });
  });
  for (const id of Object.keys(saved.state)) {
    if (!seen.has(id)) fail(`the saved state has an entry for parameter ${id}, which is in no group`);
  }
  return imported;
}

function importOptions(
  saved: SavedGroup,
  group: ParamGroup<BaseOptions>,
  where: string,
  fail: (problem: string) => never,
): Record<string, unknown> {
  const { params: _, ...current } = group;
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(saved)) {
    if (key === 'params' || IMPLEMENTATION_FLAGS.includes(key)) continue;
    options[camelCase(key)] = Array.isArray(value) ? [...value] : value;
  }
  for (const [name, value] of Object.entries(current)) {
    const found = options[name];
    if (found === undefined) {
      // Switches came to PyTorch one after another; an older checkpoint means false.
      if (typeof value === 'boolean') options[name] = false;
      else if (!isScheduled(name))
        fail(`${where} has no ${snakeCase(name)}; is the checkpoint of another optimizer?`);
    } else if (typeof found !== typeof value || Array.isArray(found) !== Array.isArray(value)) {
      fail(
        `${snakeCase(name)} of ${where} is ${JSON.stringify(found)}, expected something like ${JSON.stringify(value)}`,
      );
    }
  }
  for (const name of Object.keys(options)) {
    if (!(name in current) && !isScheduled(name)) {
      fail(
        `${where} has an option ${snakeCase(name)} that ${Object.keys(current).map(snakeCase).join(', ')} do not include`,
      );
    }
  }
  return options;
}

function importEntry(
  entry: Readonly<Record<string, unknown>>,
  param: Tensor,
  layout: StateLayout,
  where: string,
  { unread, borrowed }: Imported,
  fail: (problem: string) => never,
): ParameterState {
  const state: ParameterState = {};
  for (const [name, value] of Object.entries(entry)) {
    // PyTorch's SGD without momentum saves None.
    if (value === null || value === undefined) continue;
    const kind = layout[name];
    if (!kind)
      fail(
        `the state of ${where} has ${name}, which this optimizer does not keep; is the checkpoint of another one?`,
      );
    if (kind === 'number') {
      if (typeof value === 'number') {
        state[name] = value;
      } else if (value instanceof Tensor && value.numel === 1) {
        unread.push({ state, name, value: value.detach() });
      } else {
        fail(`${name} of ${where} is no number`);
      }
    } else if (!(value instanceof Tensor)) {
      fail(`${name} of ${where} is no tensor`);
    } else if (value.shape.join() !== param.shape.join()) {
      fail(
        `${name} of ${where} has shape [${value.shape.join(', ')}], the parameter has [${param.shape.join(', ')}]`,
      );
    } else {
      // A handle of its own: what becomes of the caller's tensor is not this optimizer's business.
      const copy = value.detach().to(param.dtype);
      const buffer = param.device && value.device !== param.device ? copy.to(param.device as Device) : copy;
      borrowed.add(buffer);
      state[name] = buffer;
    }
  }
  for (const name of Object.keys(layout)) {
    if (!(name in state) && !unread.some((late) => late.state === state && late.name === name)) {
      fail(`the state of ${where} has no ${name}`);
    }
  }
  return state;
}
