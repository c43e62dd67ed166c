import { ValueError } from '@neurite/tensor';
import { LRScheduler, type Schedulable, type SchedulerOptions } from './scheduler.js';

/** lr · factor until epoch `totalIters`, then lr (PyTorch's `ConstantLR`). */
export class ConstantLR extends LRScheduler {
  readonly factor: number;
  readonly totalIters: number;

  constructor(
    optimizer: Schedulable,
    options: SchedulerOptions & { readonly factor?: number; readonly totalIters?: number } = {},
  ) {
    super(optimizer, options);
    this.factor = options.factor ?? 1 / 3;
    this.totalIters = options.totalIters ?? 5;
    checkFraction('ConstantLR', 'factor', this.factor);
    this.start();
  }

  protected override getLr(): number[] {
    if (this.lastEpoch === 0) return this.scaled(this.factor);
    return this.scaled(this.lastEpoch === this.totalIters ? 1 / this.factor : 1);
  }

  protected override closedFormLr(): number[] {
    return this.baseLrs.map((lr) => lr * (this.lastEpoch >= this.totalIters ? 1 : this.factor));
  }
}

/** The factor goes from `startFactor` to `endFactor` in equal steps over `totalIters` epochs (PyTorch's `LinearLR`). */
export class LinearLR extends LRScheduler {
  readonly startFactor: number;
  readonly endFactor: number;
  readonly totalIters: number;

  constructor(
    optimizer: Schedulable,
    options: SchedulerOptions & {
      readonly startFactor?: number;
      readonly endFactor?: number;
      readonly totalIters?: number;
    } = {},
  ) {
    super(optimizer, options);
    this.startFactor = options.startFactor ?? 1 / 3;
    this.endFactor = options.endFactor ?? 1;
    this.totalIters = options.totalIters ?? 5;
    checkFraction('LinearLR', 'startFactor', this.startFactor);
    checkFraction('LinearLR', 'endFactor', this.endFactor);
    this.start();
  }

  protected override getLr(): number[] {
    if (this.lastEpoch === 0) return this.scaled(this.startFactor);
    if (this.lastEpoch > this.totalIters) return this.scaled(1);
    const slope = this.endFactor - this.startFactor;
    return this.scaled(1 + slope / (this.totalIters * this.startFactor + (this.lastEpoch - 1) * slope));
  }

  protected override closedFormLr(): number[] {
    const done = Math.min(this.totalIters, this.lastEpoch) / this.totalIters;
    return this.baseLrs.map((lr) => lr * (this.startFactor + (this.endFactor - this.startFactor) * done));
  }
}

/** lr · (1 − epoch / totalIters)^power, then 0 (PyTorch's `PolynomialLR`). */
export class PolynomialLR extends LRScheduler {
  readonly totalIters: number;
  readonly power: number;

  constructor(
    optimizer: Schedulable,
    options: SchedulerOptions & { readonly totalIters?: number; readonly power?: number } = {},
  ) {
    super(optimizer, options);
    this.totalIters = options.totalIters ?? 5;
    this.power = options.power ?? 1;
    this.start();
  }

  protected override getLr(): number[] {
    if (this.lastEpoch === 0 || this.lastEpoch > this.totalIters) return this.scaled(1);
    const rest = (epoch: number): number => 1 - epoch / this.totalIters;
    return this.scaled((rest(this.lastEpoch) / rest(this.lastEpoch - 1)) ** this.power);
  }

  protected override closedFormLr(): number[] {
    const rest = 1 - Math.min(this.totalIters, this.lastEpoch) / this.totalIters;
    return this.baseLrs.map((lr) => lr * rest ** this.power);
  }
}

function checkFraction(who: string, name: string, value: number): void {
  if (!(value >= 0 && value <= 1))
    throw new ValueError(`${who}: ${name} is ${value}, expected it between 0 and 1`);
}
