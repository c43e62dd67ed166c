import { ValueError } from '@neurite/tensor';
import { LRScheduler, type Schedulable, type SchedulerOptions } from './scheduler.js';

/**
 * Half a cosine from the first learning rate down to `etaMin` in `TMax` epochs, and up again (PyTorch's `CosineAnnealingLR`;
 * I. Loshchilov, F. Hutter, "SGDR", https://arxiv.org/abs/1608.03983).
 */
export class CosineAnnealingLR extends LRScheduler {
  readonly TMax: number;
  readonly etaMin: number;

  constructor(
    optimizer: Schedulable,
    TMax: number,
    options: SchedulerOptions & { readonly etaMin?: number } = {},
  ) {
    super(optimizer, options);
    if (!(TMax > 0)) throw new ValueError(`CosineAnnealingLR: TMax is ${TMax}, expected a number > 0`);
    this.TMax = TMax;
    this.etaMin = options.etaMin ?? 0;
    this.start();
  }

  protected override getLr(): number[] {
    const { lastEpoch: epoch, TMax, etaMin } = this;
    if (epoch === 0) return this.scaled(1);
    if (this.stepCount === 1) return this.closedFormLr();
    return this.groups.map(({ lr }, i) => {
      // The epoch after the bottom: the recursion would divide 0 by 0.
      if ((epoch - 1 - TMax) % (2 * TMax) === 0) {
        return lr + ((this.baseLrs[i] - etaMin) * (1 - Math.cos(Math.PI / TMax))) / 2;
      }
      const ratio = (1 + Math.cos((Math.PI * epoch) / TMax)) / (1 + Math.cos((Math.PI * (epoch - 1)) / TMax));
      return ratio * (lr - etaMin) + etaMin;
    });
  }

  protected override closedFormLr(): number[] {
    const share = (1 + Math.cos((Math.PI * this.lastEpoch) / this.TMax)) / 2;
    return this.baseLrs.map((lr) => this.etaMin + (lr - this.etaMin) * share);
  }
}

/**
 * Half cosines down to `etaMin`, each beginning anew at the first learning rate: the first takes `T0` epochs, each further one
 * `TMult` times as many (PyTorch's `CosineAnnealingWarmRestarts`). `step(epoch)` takes fractions of epochs.
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  readonly T0: number;
  readonly TMult: number;
  readonly etaMin: number;
  /** Length of the running period. */
  TI: number;
  /** Epochs since it began. */
  TCur: number;

  constructor(
    optimizer: Schedulable,
    T0: number,
    options: SchedulerOptions & { readonly TMult?: number; readonly etaMin?: number } = {},
  ) {
    super(optimizer, options);
    const { TMult = 1, etaMin = 0 } = options;
    for (const [name, value] of Object.entries({ T0, TMult })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new ValueError(`CosineAnnealingWarmRestarts: ${name} is ${value}, expected an integer ≥ 1`);
      }
    }
    this.T0 = T0;
    this.TMult = TMult;
    this.etaMin = etaMin;
    this.TI = T0;
    this.TCur = this.lastEpoch;
    this.start();
  }

  protected override getLr(): number[] {
    const share = (1 + Math.cos((Math.PI * this.TCur) / this.TI)) / 2;
    return this.baseLrs.map((lr) => this.etaMin + (lr - this.etaMin) * share);
  }

  override step(epoch?: number): void {
    if (epoch !== undefined && !(epoch >= 0)) {
      throw new ValueError(`CosineAnnealingWarmRestarts.step: epoch is ${epoch}, expected a number ≥ 0`);
    }
    if (epoch === undefined && this.lastEpoch >= 0) {
      this.TCur++;
      if (this.TCur >= this.TI) {
        this.TCur -= this.TI;
        this.TI *= this.TMult;
      }
      this.lastEpoch++;
    } else {
      this.#goTo(epoch ?? 0);
    }
    this.stepCount++;
    this.apply(this.getLr());
  }

  #goTo(epoch: number): void {
    const { T0, TMult } = this;
    let start = 0;
    let length = T0;
    if (TMult === 1) {
      start = Math.floor(epoch / T0) * T0;
    } else {
      while (epoch >= start + length) {
        start += length;
        length *= TMult;
      }
    }
    this.TCur = epoch - start;
    this.TI = length;
    this.lastEpoch = Math.floor(epoch);
  }
}
