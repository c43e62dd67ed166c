import { StateDictError, ValueError } from '@neurite/tensor';
import type { LRScheduler, Schedulable, SchedulerOptions, SchedulerStateDict } from './scheduler.js';

/** Schedules one after another: the i-th ends at epoch `milestones[i]` (PyTorch's `SequentialLR`). */
export class SequentialLR {
  lastEpoch: number;
  readonly schedulers: readonly LRScheduler[];
  readonly milestones: readonly number[];
  #lastLr: number[];

  constructor(
    readonly optimizer: Schedulable,
    schedulers: readonly LRScheduler[],
    milestones: readonly number[],
    options: SchedulerOptions = {},
  ) {
    const { lastEpoch = -1 } = options;
    checkSameOptimizer('SequentialLR', schedulers, optimizer);
    if (milestones.length !== schedulers.length - 1) {
      throw new ValueError(
        `SequentialLR: ${milestones.length} milestones for ${schedulers.length} schedulers, expected one less`,
      );
    }
    this.schedulers = schedulers;
    this.milestones = [...milestones];
    this.lastEpoch = lastEpoch + 1;
    // Every scheduler took its first step when it was made; only that of the first one counts.
    for (const group of optimizer.paramGroups) group.lr = group.initialLr as number;
    for (const scheduler of schedulers) scheduler.lastEpoch--;
    schedulers[0].start();
    this.#lastLr = schedulers[0].getLastLr();
  }

  step(): void {
    this.lastEpoch++;
    const running = this.milestones.filter((epoch) => epoch <= this.lastEpoch).length;
    const scheduler = this.schedulers[running];
    if (running > 0 && this.milestones[running - 1] === this.lastEpoch) scheduler.step(0);
    else scheduler.step();
    this.#lastLr = scheduler.getLastLr();
  }

  getLastLr(): number[] {
    return [...this.#lastLr];
  }

  stateDict(): SchedulerStateDict {
    return {
      _milestones: [...this.milestones],
      last_epoch: this.lastEpoch,
      _last_lr: this.getLastLr(),
      _schedulers: this.schedulers.map((scheduler) => scheduler.stateDict()),
    };
  }

  /** @throws StateDictError when the state is of other schedulers. */
  loadStateDict(state: SchedulerStateDict): void {
    if (typeof state.last_epoch !== 'number' || !Array.isArray(state._last_lr)) {
      throw new StateDictError('SequentialLR.loadStateDict: last_epoch or _last_lr is missing');
    }
    loadEach('SequentialLR', this.schedulers, state._schedulers);
    this.lastEpoch = state.last_epoch;
    this.#lastLr = [...state._last_lr];
  }
}

/** Several schedules at once, each scaling what the one before it set (PyTorch's `ChainedScheduler`). */
export class ChainedScheduler {
  readonly schedulers: readonly LRScheduler[];

  constructor(schedulers: readonly LRScheduler[]) {
    checkSameOptimizer('ChainedScheduler', schedulers, schedulers[0]?.optimizer);
    this.schedulers = schedulers;
  }

  get optimizer(): Schedulable {
    return this.schedulers[0].optimizer;
  }

  step(): void {
    for (const scheduler of this.schedulers) scheduler.step();
  }

  getLastLr(): number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }

  stateDict(): SchedulerStateDict {
    return {
      _schedulers: this.schedulers.map((scheduler) => scheduler.stateDict()),
      _last_lr: this.getLastLr(),
    };
  }

  /** @throws StateDictError when the state is of other schedulers. */
  loadStateDict(state: SchedulerStateDict): void {
    loadEach('ChainedScheduler', this.schedulers, state._schedulers);
  }
}

function checkSameOptimizer(who: string, schedulers: readonly LRScheduler[], optimizer: Schedulable): void {
  if (schedulers.length === 0) throw new ValueError(`${who}: expected at least one scheduler, got none`);
  const other = schedulers.findIndex((scheduler) => scheduler.optimizer !== optimizer);
  if (other >= 0) throw new ValueError(`${who}: scheduler ${other} belongs to another optimizer`);
}

function loadEach(who: string, schedulers: readonly LRScheduler[], states: unknown): void {
  if (!Array.isArray(states) || states.length !== schedulers.length) {
    const found = Array.isArray(states) ? states.length : 'no';
    throw new StateDictError(
      `${who}.loadStateDict: ${found} scheduler states, expected ${schedulers.length}`,
    );
  }
  schedulers.forEach((scheduler, i) => {
    scheduler.loadStateDict(states[i]);
  });
}
