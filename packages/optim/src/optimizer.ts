import {
  enableGrad,
  hostStep,
  isTracing,
  noGrad,
  peek,
  refuseReplay,
  type Shape,
  scalarInput,
  Tensor,
  update,
  ValueError,
  where,
  zerosLike,
} from '@neurite/tensor';
import {
  type BaseOptions,
  checkOptionNames,
  completeGroup,
  type ParamGroup,
  type ParamGroupInput,
  type Params,
  toGroups,
  withoutUndefined,
} from './parameter-groups.js';
import type { ParameterState, StateLayout } from './parameter-state.js';
import { createReplay, type Updated } from './replay.js';
import { exportState, importState, type OptimizerStateDict } from './state-dict.js';

/** One parameter's turn in a step. */
export interface StepInput<Options extends BaseOptions> {
  readonly param: Tensor;
  readonly grad: Tensor;
  readonly options: Options;
  /** A number of the state, or `initial` before the parameter's first step. */
  count(name: string, initial?: number): number;
  /** A tensor of the state; undefined before the parameter's first step. */
  buffer(name: string): Tensor | undefined;
  /** A number as a runtime argument: it may differ in every step without anything being compiled. */
  scalar(name: string, value: number): Tensor;
}

/** New values of a parameter and of its state. */
export interface StepOutput {
  readonly param: Tensor;
  readonly state: ParameterState;
}

/** The runtime arguments that a step has made so far. */
export type ScalarCache = Map<string, Tensor>;

export interface StepOptions {
  /**
   * Bool, shape []: where it is true on the device, the step changes nothing, not even the number of steps taken. It is computed in the
   * step's own plan.
   */
  readonly unless?: Tensor<Shape, 'bool'> | null;
}

interface Assignment {
  target: Tensor;
  value: Tensor;
}

/**
 * Base of all optimizers (PyTorch's `torch.optim.Optimizer`). A step records the new values of all parameters and all state
 * as one graph, which runs in one plan together with whatever of forward and backward is still pending.
 *
 * A subclass gives the update of one parameter as tensor operations. Hyperparameters are read from `paramGroups` at every
 * step and reach the device as runtime arguments, so that changing them compiles nothing.
 */
export abstract class Optimizer<Options extends BaseOptions = BaseOptions> {
  readonly paramGroups: ParamGroup<Options>[] = [];
  readonly state = new Map<Tensor, ParameterState>();
  readonly defaults: Options;
  /** Numbers of a loaded state that came as tensors and are read before the next step. */
  #unread: { state: ParameterState; name: string; value: Tensor }[] = [];
  /** Tensors of a loaded state: they belong to the caller, so the first step after loading writes into new ones. */
  #borrowed = new WeakSet<Tensor>();

  /**
   * @param params parameters, or groups `{params, lr, …}` with options of their own.
   * @throws ValueError for options out of range or unknown, and for parameters that are not leaves or come twice.
   */
  constructor(
    readonly name: string,
    params: Params<Options>,
    options: Partial<Options>,
    defaults: Options,
  ) {
    checkOptionNames(name, options, defaults);
    this.defaults = { ...defaults, ...withoutUndefined(options) };
    for (const group of toGroups(name, params)) this.addParamGroup(group);
  }

  /** Throws ValueError for options out of range. */
  protected abstract checkOptions(options: Options): void;
  /** The members of a parameter's state under these options. */
  protected abstract stateLayout(options: Options): StateLayout;
  /** Records the new values of one parameter and its state. */
  protected abstract updateParameter(input: StepInput<Options>): StepOutput;

  /** Adds parameters, for example of a layer that was frozen so far. */
  addParamGroup(given: ParamGroupInput<Options>): void {
    const group = completeGroup(this.name, given, this.defaults);
    this.checkOptions(group);
    for (const param of group.params) {
      if (this.paramGroups.some(({ params }) => params.includes(param))) {
        throw new ValueError(`${this.name}: some parameters appear in more than one parameter group`);
      }
    }
    this.paramGroups.push(group);
  }

  /** Forgets the gradients; with `setToNone: false` they become zeros instead (and momentum goes on without them). */
  zeroGrad(options: { readonly setToNone?: boolean } = {}): void {
    for (const param of this.paramGroups.flatMap((group) => group.params)) {
      if (param.grad) param.grad = options.setToNone === false ? zerosLike(param.grad) : null;
    }
  }

  /**
   * Updates all parameters that have a gradient, in place. What was recorded before this call keeps its meaning; a pending
   * tensor that needs an old value afterwards throws `StaleTensorError`.
   *
   * @param closure computes the loss anew, with gradients; optional for all optimizers but LBFGS.
   * @returns the closure's loss.
   */
  async step(closure?: () => Tensor, { unless = null }: StepOptions = {}): Promise<Tensor | undefined> {
    const loss = closure && enableGrad(closure);
    if (this.#unread.length > 0) refuseReplay("it loads an optimizer's state");
    if (this.#unread.length > 0) await this.#readNumbers();
    const { assignments, undo, counts } = noGrad(() => this.#record(unless));
    try {
      const done = update(assignments, { by: `${this.name}.step` });
      // Counters of the host must know before the next step. The read goes out with the plan, and comes back after it.
      const skipped = unless && counts ? peek(unless) : null;
      skipped?.catch(() => undefined);
      await done;
      if (await skipped) undo();
    } catch (error) {
      undo();
      throw error;
    }
    return loss;
  }

  /** State and options in PyTorch's layout and under PyTorch's names. Tensors are the live ones: save them before the next step. */
  stateDict(): OptimizerStateDict {
    return exportState(this.paramGroups, this.state, this.#unread);
  }

  /**
   * Takes over a saved state, ours or PyTorch's.
   *
   * @throws StateDictError when groups, shapes or members of the state are not those of this optimizer; nothing has changed then.
   */
  loadStateDict(saved: OptimizerStateDict): void {
    const loaded = importState(this.name, saved, this.paramGroups, {
      layout: (options) => this.stateLayout(options as Options),
      check: (options) => this.checkOptions(options as Options),
    });
    this.state.clear();
    for (const [param, state] of loaded.state) this.state.set(param, state);
    this.#unread = loaded.unread;
    this.#borrowed = loaded.borrowed;
    loaded.options.forEach((options, i) => {
      Object.assign(this.paramGroups[i], options);
    });
  }

  async #readNumbers(): Promise<void> {
    const unread = this.#unread;
    const numbers = await Promise.all(unread.map(({ value }) => value.item()));
    unread.forEach(({ state, name }, i) => {
      state[name] = Number(numbers[i]);
    });
    this.#unread = this.#unread.filter((entry) => !unread.includes(entry));
  }

  #ownBuffer(buffer: Tensor | number | undefined): Tensor | undefined {
    return buffer instanceof Tensor && !this.#borrowed.has(buffer) ? buffer : undefined;
  }

  /** Records the step; counters are advanced, and `undo` takes that back. `counts`: whether it would have to, if the step is skipped. */
  #record(unless: Tensor<Shape, 'bool'> | null): {
    assignments: Assignment[];
    undo: () => void;
    counts: boolean;
  } {
    const assignments: Assignment[] = unless ? [{ target: unless, value: unless }] : [];
    const kept = (old: Tensor, value: Tensor): Tensor => (unless ? where(unless, old, value) : value);
    let counts = false;
    const before = new Map<Tensor, ParameterState | undefined>();
    const scalars = new Map<string, Tensor>();
    const updated: Updated<Options>[] = [];
    this.paramGroups.forEach((group, groupIndex) => {
      for (const param of group.params) {
        if (!param.grad) continue;
        const old = this.state.get(param);
        before.set(param, old);
        updated.push({ param, group, groupIndex, state: old ?? {} });
        const result = this.updateParameter(stepInput(param, group, groupIndex, old ?? {}, scalars));
        assignments.push({ target: param, value: kept(param, result.param.to(param.dtype)) });
        const next: ParameterState = {};
        for (const [name, value] of Object.entries(result.state)) {
          if (typeof value === 'number') {
            next[name] = value;
            counts = true;
          } else {
            const before = old?.[name];
            const target = this.#ownBuffer(before) ?? zerosLike(value);
            next[name] = target;
            counts ||= target !== before;
            assignments.push({ target, value: before instanceof Tensor ? kept(before, value) : value });
          }
        }
        this.state.set(param, next);
      }
    });
    const undo = (): void => {
      for (const [param, old] of before) {
        if (old) this.state.set(param, old);
        else this.state.delete(param);
      }
    };
    if (isTracing()) {
      const again = createReplay({
        name: this.name,
        updated,
        scalars,
        state: this.state,
        skipped: unless && counts ? () => peek(unless) : null,
        update: (item, made) =>
          this.updateParameter(stepInput(item.param, item.group, item.groupIndex, item.state, made)),
      });
      hostStep({ key: [this, ...again.key], scalars: again.scalars, again: again.step, undo });
    }
    return { assignments, undo, counts };
  }
}

function stepInput<Options extends BaseOptions>(
  param: Tensor,
  group: ParamGroup<Options>,
  groupIndex: number,
  state: ParameterState,
  scalars: ScalarCache,
): StepInput<Options> {
  // Half-precision parameters are updated in float32, as PyTorch's kernels do.
  const dtype = param.dtype === 'float64' ? 'float64' : 'float32';
  return {
    param,
    // What a replay works out from numbers alone takes the parameter itself for its gradient.
    grad: param.grad ?? param,
    options: group,
    count: (name, initial = 0) => (typeof state[name] === 'number' ? state[name] : initial),
    buffer: (name) => (state[name] instanceof Tensor ? state[name] : undefined),
    scalar: (name, value) => {
      // Parameters of a group share their arguments as long as they have taken the same number of steps. The key must not
      // contain the value: a plan's structure would then depend on which values happen to be equal.
      const key = `${groupIndex} ${dtype} ${name} ${state.step ?? ''}`;
      let made = scalars.get(key);
      if (!made) {
        made = scalarInput(value, dtype);
        scalars.set(key, made);
      }
      return made;
    },
  };
}
