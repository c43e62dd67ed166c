import { refuseReplay, StateDictError, ValueError } from '@neurite/tensor';
import { schedulerKey } from '../names.js';
import type { ScheduledOptions } from '../parameter-groups.js';

/** What a scheduler changes in a parameter group. */
export interface ScheduledGroup extends ScheduledOptions {
  lr: number;
  momentum?: number;
  betas?: [number, number];
}

/** What a scheduler needs of an optimizer. */
export interface Schedulable {
  readonly paramGroups: readonly ScheduledGroup[];
  readonly defaults: object;
}

export interface SchedulerOptions {
  /** The epoch that was finished last, when a schedule goes on in an optimizer with its state loaded. Default −1: a new start. */
  readonly lastEpoch?: number;
}

/** A scheduler's state: plain data under PyTorch's names. */
export type SchedulerStateDict = Record<string, unknown>;

/** What PyTorch saves beyond the schedule itself. */
const NOT_OURS = [
  'verbose',
  '_get_lr_called_within_step',
  '_schedule_phases',
  'anneal_func',
  '_anneal_func_type',
  'use_beta1',
  'lr_lambdas',
  '_scale_fn_ref',
  '_scale_fn_custom',
  'mode_worse',
];

/**
 * Base of the schedules (PyTorch's `_LRScheduler`, version 1.13): call `step()` after the optimizer's step, per epoch or per
 * batch as the schedule counts.
 *
 * `getLr` gives the learning rates of `lastEpoch` from those that the groups have now (so that schedules can be chained);
 * `closedFormLr` gives them from the epoch alone, where that is possible. A subclass calls `start()` at the end of its
 * constructor; the plain public members of a scheduler are its state.
 */
export abstract class LRScheduler {
  /** Number of the epoch that the learning rates stand for. */
  lastEpoch: number;
  /** Learning rate of each group at the start. */
  baseLrs: number[];
  stepCount = 0;
  lastLr: number[] = [];
  readonly #optimizer: Schedulable;

  constructor(optimizer: Schedulable, options: SchedulerOptions = {}) {
    this.#optimizer = optimizer;
    this.lastEpoch = options.lastEpoch ?? -1;
    for (const [i, group] of optimizer.paramGroups.entries()) {
      if (this.lastEpoch === -1) {
        group.initialLr ??= group.lr;
      } else if (group.initialLr === undefined) {
        throw new ValueError(
          `${new.target.name}: lastEpoch is ${this.lastEpoch}, but group ${i} has no initialLr; load the optimizer's state first`,
        );
      }
    }
    this.baseLrs = optimizer.paramGroups.map((group) => group.initialLr as number);
  }

  get optimizer(): Schedulable {
    return this.#optimizer;
  }

  protected get groups(): readonly ScheduledGroup[] {
    return this.#optimizer.paramGroups;
  }

  /** Learning rate of each group in epoch `lastEpoch`. */
  protected abstract getLr(): number[];
  /** The same from the epoch alone; undefined where only the recursion is known. */
  protected closedFormLr(): number[] | undefined {
    return undefined;
  }

  /** Takes the first step; called by PyTorch's and our constructors. */
  start(): void {
    this.stepCount = 0;
    this.step();
  }

  /** Goes to the next epoch, or to the given one. */
  step(epoch?: number): void {
    this.stepCount++;
    this.lastEpoch = epoch ?? this.lastEpoch + 1;
    const rates = epoch === undefined ? this.getLr() : (this.closedFormLr() ?? this.getLr());
    this.apply(rates);
  }

  /** The learning rates that were set last. */
  getLastLr(): number[] {
    return [...this.lastLr];
  }

  /** The schedule's state under PyTorch's names. */
  stateDict(): SchedulerStateDict {
    return Object.fromEntries(
      this.stateEntries().map(([name, value]) => [schedulerKey(name), structuredClone(value)]),
    );
  }

  /** @throws StateDictError when a member is missing, unknown or of another kind; nothing has changed then. */
  loadStateDict(state: SchedulerStateDict): void {
    const loaded = readState(this.constructor.name, this.stateEntries(), state);
    Object.assign(this, loaded);
  }

  protected apply(rates: readonly number[]): void {
    refuseReplay('it steps a learning-rate schedule; step it outside');
    this.groups.forEach((group, i) => {
      group.lr = rates[i];
    });
    this.lastLr = [...rates];
  }

  /** Learning rate of each group, scaled. */
  protected scaled(factor: number): number[] {
    return this.groups.map((group) => group.lr * factor);
  }

  private stateEntries(): [string, unknown][] {
    return Object.entries(this).filter(([, value]) => typeof value !== 'function');
  }
}

/** The members of a scheduler from a saved state, checked against those it has. */
export function readState(
  who: string,
  entries: readonly [string, unknown][],
  state: SchedulerStateDict,
): Record<string, unknown> {
  const fail = (problem: string): never => {
    throw new StateDictError(`${who}.loadStateDict: ${problem}`);
  };
  const loaded: Record<string, unknown> = {};
  for (const [name, current] of entries) {
    const key = schedulerKey(name);
    const value = state[key];
    if (!(key in state)) fail(`${key} is missing; is the state of another scheduler?`);
    if (
      value !== null &&
      current !== null &&
      (typeof value !== typeof current || Array.isArray(value) !== Array.isArray(current))
    ) {
      fail(`${key} is ${JSON.stringify(value)}, expected something like ${JSON.stringify(current)}`);
    }
    if (Array.isArray(value) && value.length !== (current as unknown[]).length) {
      fail(`${key} has ${value.length} entries, this scheduler has ${(current as unknown[]).length}`);
    }
    loaded[name] = structuredClone(value);
  }
  const known = new Set(entries.map(([name]) => schedulerKey(name)));
  const strange = Object.keys(state).filter((key) => !known.has(key) && !NOT_OURS.includes(key));
  if (strange.length > 0) fail(`unknown ${strange.join(', ')}; is the state of another scheduler?`);
  return loaded;
}

/** One number for all groups, or one for each. */
export function perGroup(
  who: string,
  name: string,
  value: number | readonly number[],
  groups: number,
): number[] {
  if (typeof value === 'number') return Array.from({ length: groups }, () => value);
  if (value.length !== groups) {
    throw new ValueError(
      `${who}: ${value.length} values for ${name}, the optimizer has ${groups} parameter groups`,
    );
  }
  return [...value];
}
