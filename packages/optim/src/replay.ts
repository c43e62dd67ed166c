/** How `compile` goes on with an optimizer: the numbers of the next step without its graph. */
import { type Advance, noGrad, probe, type Tensor } from '@neurite/tensor';
import type { ScalarCache, StepOutput } from './optimizer.js';
import type { BaseOptions, ParamGroup } from './parameter-groups.js';
import type { ParameterState } from './parameter-state.js';

/** A parameter's turn in the step that is being traced, and its state before it. */
export interface Updated<Options extends BaseOptions> {
  readonly param: Tensor;
  readonly group: ParamGroup<Options>;
  readonly groupIndex: number;
  readonly state: ParameterState;
}

export interface ReplayInput<Options extends BaseOptions> {
  readonly name: string;
  readonly updated: readonly Updated<Options>[];
  /** The runtime arguments of the step that is being traced. */
  readonly scalars: ReadonlyMap<string, Tensor>;
  /** The optimizer's own state, live. */
  readonly state: Map<Tensor, ParameterState>;
  /** Whether the device has skipped the step that ran last; null where that can never be, or changes no number. */
  readonly skipped: (() => Promise<number | null>) | null;
  readonly update: (item: Updated<Options>, scalars: ScalarCache) => StepOutput;
}

/** A parameter and its state after the traced step: which tensors it has, and which numbers. */
interface Member {
  readonly param: Tensor;
  readonly layout: ParameterState;
}

/** Parameters whose numbers are equal: the first speaks for all. */
interface Kin<Options extends BaseOptions> {
  readonly first: Updated<Options>;
  readonly members: Member[];
  readonly structure: string;
}

const kinshipOf = <Options extends BaseOptions>({ param, groupIndex, state }: Updated<Options>): string =>
  `${groupIndex} ${param.dtype} ${Object.entries(state)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? value : 'tensor'}`)
    .join()}`;

/** Whether a state has the tensors that the plan writes, and the numbers of its kin. */
function fits(own: ParameterState, { layout }: Member, numbers: ParameterState): boolean {
  for (const name in layout) {
    const value = own[name];
    if (value !== (typeof layout[name] === 'number' ? numbers[name] : layout[name])) return false;
  }
  return true;
}

/**
 * Numbers of a step follow from options and counters alone, so a replay asks `updateParameter` of one parameter for all of its
 * kin, keeps the numbers and throws away what was recorded. Recording other ops than before (an option changed that decides
 * them) means that the plan no longer fits.
 */
export function createReplay<Options extends BaseOptions>(input: ReplayInput<Options>) {
  const { name, updated, scalars, state, update, skipped } = input;
  const ask = (item: Updated<Options>) => {
    const made: ScalarCache = new Map();
    const { result, structure } = probe(() => noGrad(() => update(item, made)));
    return { made, structure, state: result.state };
  };
  const families = new Map<string, Kin<Options>>();
  const recorded: Tensor[] = [];
  for (const item of updated) {
    const kinship = kinshipOf(item);
    let kin = families.get(kinship);
    if (!kin) {
      const { made, structure } = ask(item);
      for (const key of made.keys()) recorded.push(scalars.get(key)!);
      kin = { first: item, members: [], structure };
      families.set(kinship, kin);
    }
    kin.members.push({ param: item.param, layout: state.get(item.param)! });
  }
  const groups = new Map(updated.map(({ group }) => [group, group.params.length]));

  let unsettled = false;
  function step(): Advance | string {
    if (unsettled) return `${name} has yet to hear whether its last step was skipped`;
    for (const [group, size] of groups)
      if (group.params.length !== size) return `${name} has other parameters`;
    const before = new Map(updated.map(({ param }) => [param, state.get(param)]));
    const next: [Tensor, ParameterState][] = [];
    const values: number[] = [];
    for (const { first, members, structure } of families.values()) {
      const numbers = state.get(first.param) ?? {};
      const found = ask({ ...first, state: numbers });
      if (found.structure !== structure) return `${name} has other options`;
      for (const t of found.made.values()) values.push(t.node.value);
      for (const member of members) {
        const own = state.get(member.param) ?? {};
        if (!fits(own, member, numbers)) return `${name} has another state`;
        next.push([member.param, withNumbers(own, found.state)]);
      }
    }
    for (const [param, own] of next) state.set(param, own);
    const undo = (): void => {
      unsettled = false;
      for (const [param, own] of before) {
        if (own) state.set(param, own);
        else state.delete(param);
      }
    };
    if (!skipped) return { values, undo, failed: undo };
    unsettled = true;
    const settle = async (): Promise<void> => {
      if (await skipped()) undo();
      unsettled = false;
    };
    return { values, undo, failed: undo, settle };
  }
  const key = updated.flatMap(({ param }) => [param, ...tensorsOf(state.get(param)!)]);
  return { key, scalars: recorded.map((t) => t.node), step };
}

/** A state's tensors with the numbers of its next step. */
function withNumbers(own: ParameterState, next: ParameterState): ParameterState {
  const result = { ...own };
  for (const [name, value] of Object.entries(next)) if (typeof value === 'number') result[name] = value;
  return result;
}

const tensorsOf = (state: ParameterState): Tensor[] =>
  Object.values(state).filter((value): value is Tensor => typeof value !== 'number');
