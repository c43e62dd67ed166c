import { ValueError } from '@neurite/tensor';
import { hasMomentum, setMomentum } from './momentum.js';
import { LRScheduler, perGroup, type Schedulable, type SchedulerOptions } from './scheduler.js';

export interface CyclicOptions extends SchedulerOptions {
  /** Steps on the way up. Default 2000. */
  readonly stepSizeUp?: number;
  /** Steps on the way down. Default: as many. */
  readonly stepSizeDown?: number;
  /** 'triangular' (default), 'triangular2' (half the height each cycle) or 'exp_range' (height · gamma^step). */
  readonly mode?: 'triangular' | 'triangular2' | 'exp_range';
  /** Default 1. */
  readonly gamma?: number;
  /** Height as a function of what `scaleMode` says; takes the place of `mode`. */
  readonly scaleFn?: (x: number) => number;
  /** Default 'cycle'. */
  readonly scaleMode?: 'cycle' | 'iterations';
  /** Moves momentum (or Adam's first beta) against the learning rate. Default true. */
  readonly cycleMomentum?: boolean;
  /** Lowest momentum. Default 0.8. */
  readonly baseMomentum?: number | readonly number[];
  /** Highest momentum. Default 0.9. */
  readonly maxMomentum?: number | readonly number[];
}

/**
 * Up and down between two learning rates; step it after every batch (PyTorch's `CyclicLR`; L. N. Smith, "Cyclical learning
 * rates", https://arxiv.org/abs/1506.01186).
 */
export class CyclicLR extends LRScheduler {
  readonly mode: string;
  readonly gamma: number;
  readonly scaleMode: string;
  readonly totalSize: number;
  readonly stepRatio: number;
  readonly maxLrs: number[];
  readonly cycleMomentum: boolean;
  readonly baseMomentums: number[];
  readonly maxMomentums: number[];
  readonly #height: (cycle: number, step: number) => number;

  /**
   * @param baseLr lowest learning rate, for all groups or for each.
   * @param maxLr highest learning rate of the first cycle, likewise.
   */
  constructor(
    optimizer: Schedulable,
    baseLr: number | readonly number[],
    maxLr: number | readonly number[],
    options: CyclicOptions = {},
  ) {
    const { stepSizeUp = 2000, cycleMomentum = true, lastEpoch = -1 } = options;
    const stepSizeDown = options.stepSizeDown ?? stepSizeUp;
    if (!(stepSizeUp > 0 && stepSizeDown > 0)) {
      throw new ValueError(
        `CyclicLR: steps up and down are ${stepSizeUp} and ${stepSizeDown}, expected numbers > 0`,
      );
    }
    if (cycleMomentum && !hasMomentum(optimizer)) {
      throw new ValueError('CyclicLR: the optimizer must have momentum or betas with cycleMomentum on');
    }
    const groups = optimizer.paramGroups;
    const baseLrs = perGroup('CyclicLR', 'baseLr', baseLr, groups.length);
    const baseMomentums = perGroup('CyclicLR', 'baseMomentum', options.baseMomentum ?? 0.8, groups.length);
    if (lastEpoch === -1) {
      groups.forEach((group, i) => {
        group.lr = baseLrs[i];
        if (cycleMomentum) setMomentum(group, baseMomentums[i]);
      });
    }
    super(optimizer, options);
    this.mode = options.mode ?? 'triangular';
    this.gamma = options.gamma ?? 1;
    this.scaleMode = options.scaleMode ?? 'cycle';
    this.baseLrs = baseLrs;
    this.maxLrs = perGroup('CyclicLR', 'maxLr', maxLr, groups.length);
    this.totalSize = stepSizeUp + stepSizeDown;
    this.stepRatio = stepSizeUp / this.totalSize;
    this.cycleMomentum = cycleMomentum;
    this.baseMomentums = baseMomentums;
    this.maxMomentums = perGroup('CyclicLR', 'maxMomentum', options.maxMomentum ?? 0.9, groups.length);
    this.#height = heightOf(options);
    this.start();
  }

  protected override getLr(): number[] {
    const cycle = Math.floor(1 + this.lastEpoch / this.totalSize);
    const x = 1 + this.lastEpoch / this.totalSize - cycle;
    const share = x <= this.stepRatio ? x / this.stepRatio : (x - 1) / (this.stepRatio - 1);
    const height = this.#height(cycle, this.lastEpoch);
    return this.groups.map((group, i) => {
      if (this.cycleMomentum) {
        const most = this.maxMomentums[i];
        setMomentum(group, most - (most - this.baseMomentums[i]) * share * height);
      }
      return this.baseLrs[i] + (this.maxLrs[i] - this.baseLrs[i]) * share * height;
    });
  }
}

function heightOf({ mode = 'triangular', gamma = 1, scaleFn, scaleMode = 'cycle' }: CyclicOptions) {
  if (scaleFn) return (cycle: number, step: number): number => scaleFn(scaleMode === 'cycle' ? cycle : step);
  switch (mode) {
    case 'triangular':
      return (): number => 1;
    case 'triangular2':
      return (cycle: number): number => 1 / 2 ** (cycle - 1);
    case 'exp_range':
      return (_: number, step: number): number => gamma ** step;
    default:
      throw new ValueError(
        `CyclicLR: mode is '${mode}', expected 'triangular', 'triangular2' or 'exp_range'`,
      );
  }
}
