import { refuseReplay, ValueError } from '@neurite/tensor';
import { schedulerKey } from '../names.js';
import { perGroup, readState, type Schedulable, type SchedulerStateDict } from './scheduler.js';

export interface PlateauOptions {
  /** Whether a smaller ('min', default) or a greater metric is better. */
  readonly mode?: 'min' | 'max';
  /** The learning rate is multiplied by this. Default 0.1. */
  readonly factor?: number;
  /** Epochs without improvement that are still accepted. Default 10. */
  readonly patience?: number;
  /** What counts as an improvement. Default 1e-4. */
  readonly threshold?: number;
  /** Whether the threshold is relative to the best metric ('rel', default) or absolute. */
  readonly thresholdMode?: 'rel' | 'abs';
  /** Epochs after a reduction in which nothing is counted. Default 0. */
  readonly cooldown?: number;
  /** Lower bound, for all groups or for each. Default 0. */
  readonly minLr?: number | readonly number[];
  /** A smaller change of the learning rate is not made. Default 1e-8. */
  readonly eps?: number;
}

/** Reduces the learning rate when a metric has stopped improving (PyTorch's `ReduceLROnPlateau`); call `step(metric)` per epoch. */
export class ReduceLROnPlateau {
  readonly mode: 'min' | 'max';
  readonly factor: number;
  readonly patience: number;
  readonly threshold: number;
  readonly thresholdMode: 'rel' | 'abs';
  readonly cooldown: number;
  readonly minLrs: number[];
  readonly eps: number;
  /** The best metric so far; null before the first one. */
  best: number | null = null;
  numBadEpochs = 0;
  cooldownCounter = 0;
  lastEpoch = 0;
  lastLr: number[];
  readonly #optimizer: Schedulable;

  constructor(optimizer: Schedulable, options: PlateauOptions = {}) {
    this.#optimizer = optimizer;
    this.mode = options.mode ?? 'min';
    this.factor = options.factor ?? 0.1;
    this.patience = options.patience ?? 10;
    this.threshold = options.threshold ?? 1e-4;
    this.thresholdMode = options.thresholdMode ?? 'rel';
    this.cooldown = options.cooldown ?? 0;
    this.eps = options.eps ?? 1e-8;
    this.minLrs = perGroup('ReduceLROnPlateau', 'minLr', options.minLr ?? 0, optimizer.paramGroups.length);
    if (!(this.factor < 1))
      throw new ValueError(`ReduceLROnPlateau: factor is ${this.factor}, expected a number < 1`);
    if (!['min', 'max'].includes(this.mode))
      throw new ValueError(`ReduceLROnPlateau: mode is '${this.mode}', expected 'min' or 'max'`);
    if (!['rel', 'abs'].includes(this.thresholdMode)) {
      throw new ValueError(
        `ReduceLROnPlateau: thresholdMode is '${this.thresholdMode}', expected 'rel' or 'abs'`,
      );
    }
    this.lastLr = optimizer.paramGroups.map(({ lr }) => lr);
  }

  get optimizer(): Schedulable {
    return this.#optimizer;
  }

  /** Whether the schedule is in a cooldown. */
  get inCooldown(): boolean {
    return this.cooldownCounter > 0;
  }

  /** @param metric a number that was read, such as the mean validation loss. */
  step(metric: number): void {
    if (typeof metric !== 'number')
      throw new ValueError(`ReduceLROnPlateau.step: expected a number, got ${typeof metric}`);
    refuseReplay('it steps a learning-rate schedule; step it outside');
    this.lastEpoch++;
    if (this.#isBetter(metric)) {
      this.best = metric;
      this.numBadEpochs = 0;
    } else {
      this.numBadEpochs++;
    }
    if (this.inCooldown) {
      this.cooldownCounter--;
      this.numBadEpochs = 0;
    }
    if (this.numBadEpochs > this.patience) {
      this.#reduce();
      this.cooldownCounter = this.cooldown;
      this.numBadEpochs = 0;
    }
    this.lastLr = this.#optimizer.paramGroups.map(({ lr }) => lr);
  }

  getLastLr(): number[] {
    return [...this.lastLr];
  }

  stateDict(): SchedulerStateDict {
    return Object.fromEntries(
      Object.entries(this).map(([name, value]) => [schedulerKey(name), structuredClone(value)]),
    );
  }

  /** @throws StateDictError when a member is missing, unknown or of another kind. */
  loadStateDict(state: SchedulerStateDict): void {
    Object.assign(this, readState('ReduceLROnPlateau', Object.entries(this), state));
  }

  #isBetter(metric: number): boolean {
    const sign = this.mode === 'min' ? 1 : -1;
    const best = this.best ?? sign * Number.POSITIVE_INFINITY;
    const bar =
      this.thresholdMode === 'rel' ? best * (1 - sign * this.threshold) : best - sign * this.threshold;
    return sign * metric < sign * bar;
  }

  #reduce(): void {
    this.#optimizer.paramGroups.forEach((group, i) => {
      const lower = Math.max(group.lr * this.factor, this.minLrs[i]);
      if (group.lr - lower > this.eps) group.lr = lower;
    });
  }
}
