import { ValueError } from '@neurite/tensor';
import { LRScheduler, type Schedulable, type SchedulerOptions } from './scheduler.js';

/**
 * Half a cosine from the first learning rate down to `etaMin` in `tMax` epochs, and up again (PyTorch's `CosineAnnealingLR`;
 * I. Loshchilov, F. Hutter, "SGDR", https://arxiv.org/abs/1608.03983).
 */
export class CosineAnnealingLR extends LRScheduler {
  readonly tMax: number;
  readonly etaMin: number;

  constructor(
    optimizer: Schedulable,
    options: SchedulerOptions & { readonly tMax: number; readonly etaMin?: number },
  ) {
    super(optimizer, options);
    if (!(options.tMax > 0))
      throw new ValueError(`CosineAnnealingLR: tMax is ${options.tMax}, expected a number > 0`);
    this.tMax = options.tMax;
    this.etaMin = options.etaMin ?? 0;
    this.start();
  }

  protected override getLr(): number[] {
    const { lastEpoch: epoch, tMax, etaMin } = this;
    if (epoch === 0) return this.scaled(1);
    if (this.stepCount === 1) return this.closedFormLr();
    return this.groups.map(({ lr }, i) => {
      // The epoch after the bottom: the recursion would divide 0 by 0.
      if ((epoch - 1 - tMax) % (2 * tMax) === 0) {
        return lr + ((this.baseLrs[i] - etaMin) * (1 - Math.cos(Math.PI / tMax))) / 2;
      }
      const ratio = (1 + Math.cos((Math.PI * epoch) / tMax)) / (1 + Math.cos((Math.PI * (epoch - 1)) / tMax));
      return ratio * (lr - etaMin) + etaMin;
    });
  }

  protected override closedFormLr(): number[] {
    const share = (1 + Math.cos((Math.PI * this.lastEpoch) / this.tMax)) / 2;
    return this.baseLrs.map((lr) => this.etaMin + (lr - this.etaMin) * share);
  }
}

/**
 * Half cosines down to `etaMin`, each beginning anew at the first learning rate: the first takes `t0` epochs, each further one
 * `tMult` times as many (PyTorch's `CosineAnnealingWarmRestarts`). `step(epoch)` takes fractions of epochs.
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  readonly t0: number;
  readonly tMult: number;
  readonly etaMin: number;
  /** Length of the running period. */
  tI: number;
  /** Epochs since it began. */
  tCur: number;

  constructor(
    optimizer: Schedulable,
    options: SchedulerOptions & { readonly t0: number; readonly tMult?: number; readonly etaMin?: number },
  ) {
    super(optimizer, options);
    const { t0, tMult = 1, etaMin = 0 } = options;
    for (const [name, value] of Object.entries({ t0, tMult })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new ValueError(`CosineAnnealingWarmRestarts: ${name} is ${value}, expected an integer ≥ 1`);
      }
    }
    this.t0 = t0;
    this.tMult = tMult;
    this.etaMin = etaMin;
    this.tI = t0;
    this.tCur = this.lastEpoch;
    this.start();
  }

  protected override getLr(): number[] {
    const share = (1 + Math.cos((Math.PI * this.tCur) / this.tI)) / 2;
    return this.baseLrs.map((lr) => this.etaMin + (lr - this.etaMin) * share);
  }

  override step(epoch?: number): void {
    if (epoch !== undefined && !(epoch >= 0)) {
      throw new ValueError(`CosineAnnealingWarmRestarts.step: epoch is ${epoch}, expected a number ≥ 0`);
    }
    if (epoch === undefined && this.lastEpoch >= 0) {
      this.tCur++;
      if (this.tCur >= this.tI) {
        this.tCur -= this.tI;
        this.tI *= this.tMult;
      }
      this.lastEpoch++;
    } else {
      this.#goTo(epoch ?? 0);
    }
    this.stepCount++;
    this.apply(this.getLr());
  }

  #goTo(epoch: number): void {
    const { t0, tMult } = this;
    let start = 0;
    let length = t0;
    if (tMult === 1) {
      start = Math.floor(epoch / t0) * t0;
    } else {
      while (epoch >= start + length) {
        start += length;
        length *= tMult;
      }
    }
    this.tCur = epoch - start;
    this.tI = length;
    this.lastEpoch = Math.floor(epoch);
  }
}
