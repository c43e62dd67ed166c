import { ValueError } from '@neurite/tensor';
import { hasMomentum, setMomentum } from './momentum.js';
import { LRScheduler, perGroup, type Schedulable, type SchedulerOptions } from './scheduler.js';

export interface OneCycleOptions extends SchedulerOptions {
  /** Steps of the whole cycle; or `epochs` and `stepsPerEpoch`. */
  readonly totalSteps?: number;
  readonly epochs?: number;
  readonly stepsPerEpoch?: number;
  /** Share of the steps on the way up. Default 0.3. */
  readonly pctStart?: number;
  /** Default 'cos'. */
  readonly annealStrategy?: 'cos' | 'linear';
  /** Moves momentum (or Adam's first beta) against the learning rate. Default true. */
  readonly cycleMomentum?: boolean;
  /** Lowest momentum, at the highest learning rate. Default 0.85. */
  readonly baseMomentum?: number | readonly number[];
  /** Highest momentum, at both ends. Default 0.95. */
  readonly maxMomentum?: number | readonly number[];
  /** The first learning rate is maxLr / divFactor. Default 25. */
  readonly divFactor?: number;
  /** The last one is the first / finalDivFactor. Default 1e4. */
  readonly finalDivFactor?: number;
  /** Down to the first learning rate symmetrically, then on to the last. Default false. */
  readonly threePhase?: boolean;
}

type RateName = 'initialLr' | 'maxLr' | 'minLr';
type MomentumName = 'baseMomentum' | 'maxMomentum';
interface Phase {
  readonly end: number;
  readonly rates: readonly [RateName, RateName];
  readonly momenta: readonly [MomentumName, MomentumName];
}

/**
 * One cycle up to `maxLr` and down far below the start; step it after every batch (PyTorch's `OneCycleLR`; L. N. Smith,
 * N. Topin, "Super-convergence", https://arxiv.org/abs/1708.07120).
 */
export class OneCycleLR extends LRScheduler {
  readonly totalSteps: number;
  readonly cycleMomentum: boolean;
  readonly #phases: readonly Phase[];
  readonly #anneal: (start: number, end: number, done: number) => number;

  /** @param maxLr highest learning rate, for all groups or for each. */
  constructor(optimizer: Schedulable, maxLr: number | readonly number[], options: OneCycleOptions) {
    const {
      pctStart = 0.3,
      annealStrategy = 'cos',
      divFactor = 25,
      finalDivFactor = 1e4,
      lastEpoch = -1,
    } = options;
    const totalSteps = countSteps(options);
    if (!(pctStart >= 0 && pctStart <= 1))
      throw new ValueError(`OneCycleLR: pctStart is ${pctStart}, expected 0 ≤ pctStart ≤ 1`);
    if (annealStrategy !== 'cos' && annealStrategy !== 'linear') {
      throw new ValueError(`OneCycleLR: annealStrategy is '${annealStrategy}', expected 'cos' or 'linear'`);
    }
    const groups = optimizer.paramGroups;
    const maxLrs = perGroup('OneCycleLR', 'maxLr', maxLr, groups.length);
    const cycleMomentum = options.cycleMomentum ?? true;
    if (cycleMomentum && !hasMomentum(optimizer)) {
      throw new ValueError('OneCycleLR: the optimizer must have momentum or betas with cycleMomentum on');
    }
    const base = perGroup('OneCycleLR', 'baseMomentum', options.baseMomentum ?? 0.85, groups.length);
    const most = perGroup('OneCycleLR', 'maxMomentum', options.maxMomentum ?? 0.95, groups.length);
    if (lastEpoch === -1) {
      groups.forEach((group, i) => {
        group.initialLr = maxLrs[i] / divFactor;
        group.maxLr = maxLrs[i];
        group.minLr = group.initialLr / finalDivFactor;
        if (!cycleMomentum) return;
        group.baseMomentum = base[i];
        group.maxMomentum = most[i];
        setMomentum(group, most[i]);
      });
    }
    super(optimizer, options);
    this.totalSteps = totalSteps;
    this.cycleMomentum = cycleMomentum;
    this.#anneal = annealStrategy === 'cos' ? alongCosine : alongLine;
    this.#phases = phases(totalSteps, pctStart, options.threePhase ?? false);
    this.start();
  }

  /** @throws ValueError after `totalSteps` steps. */
  protected override getLr(): number[] {
    const step = this.lastEpoch;
    if (step > this.totalSteps) {
      throw new ValueError(`OneCycleLR: tried to step ${step} times; the cycle has ${this.totalSteps} steps`);
    }
    const running = this.#phases.findIndex(({ end }) => step <= end);
    const i = running < 0 ? this.#phases.length - 1 : running;
    const { end, rates, momenta } = this.#phases[i];
    const begin = this.#phases[i - 1]?.end ?? 0;
    const done = (step - begin) / (end - begin);
    return this.groups.map((group) => {
      const between = (
        names: readonly [RateName, RateName] | readonly [MomentumName, MomentumName],
      ): number => this.#anneal(group[names[0]] as number, group[names[1]] as number, done);
      if (this.cycleMomentum) setMomentum(group, between(momenta));
      return between(rates);
    });
  }
}

function countSteps({ totalSteps, epochs, stepsPerEpoch }: OneCycleOptions): number {
  if (totalSteps === undefined && (epochs === undefined || stepsPerEpoch === undefined)) {
    throw new ValueError('OneCycleLR: expected totalSteps, or both epochs and stepsPerEpoch');
  }
  const steps = totalSteps ?? (epochs as number) * (stepsPerEpoch as number);
  if (!Number.isInteger(steps) || steps < 1)
    throw new ValueError(`OneCycleLR: ${steps} steps, expected an integer ≥ 1`);
  return steps;
}

function phases(totalSteps: number, pctStart: number, threePhase: boolean): readonly Phase[] {
  const up: Phase = {
    end: pctStart * totalSteps - 1,
    rates: ['initialLr', 'maxLr'],
    momenta: ['maxMomentum', 'baseMomentum'],
  };
  const end = totalSteps - 1;
  return threePhase
    ? [
        up,
        {
          end: 2 * pctStart * totalSteps - 2,
          rates: ['maxLr', 'initialLr'],
          momenta: ['baseMomentum', 'maxMomentum'],
        },
        { end, rates: ['initialLr', 'minLr'], momenta: ['maxMomentum', 'maxMomentum'] },
      ]
    : [up, { end, rates: ['maxLr', 'minLr'], momenta: ['baseMomentum', 'maxMomentum'] }];
}

const alongCosine = (start: number, end: number, done: number): number =>
  end + ((start - end) / 2) * (1 + Math.cos(Math.PI * done));
const alongLine = (start: number, end: number, done: number): number => (end - start) * done + start;
