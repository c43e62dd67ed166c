import { ValueError } from '@neurite/tensor';
import { LRScheduler, type Schedulable, type SchedulerOptions } from './scheduler.js';

/** lr · gamma every `stepSize` epochs (PyTorch's `StepLR`). */
export class StepLR extends LRScheduler {
  readonly stepSize: number;
  readonly gamma: number;

  constructor(
    optimizer: Schedulable,
    stepSize: number,
    options: SchedulerOptions & { readonly gamma?: number } = {},
  ) {
    super(optimizer, options);
    if (!(stepSize > 0)) throw new ValueError(`StepLR: stepSize is ${stepSize}, expected a number > 0`);
    this.stepSize = stepSize;
    this.gamma = options.gamma ?? 0.1;
    this.start();
  }

  protected override getLr(): number[] {
    const due = this.lastEpoch !== 0 && this.lastEpoch % this.stepSize === 0;
    return this.scaled(due ? this.gamma : 1);
  }

  protected override closedFormLr(): number[] {
    return this.baseLrs.map((lr) => lr * this.gamma ** Math.floor(this.lastEpoch / this.stepSize));
  }
}

/** lr · gamma at each milestone (PyTorch's `MultiStepLR`); a milestone given twice counts twice. */
export class MultiStepLR extends LRScheduler {
  /** How often each epoch was given. */
  readonly milestones: Record<string, number>;
  readonly gamma: number;

  constructor(
    optimizer: Schedulable,
    milestones: readonly number[],
    options: SchedulerOptions & { readonly gamma?: number } = {},
  ) {
    super(optimizer, options);
    this.milestones = {};
    for (const epoch of milestones) this.milestones[epoch] = (this.milestones[epoch] ?? 0) + 1;
    this.gamma = options.gamma ?? 0.1;
    this.start();
  }

  protected override getLr(): number[] {
    return this.scaled(this.gamma ** (this.milestones[this.lastEpoch] ?? 0));
  }

  protected override closedFormLr(): number[] {
    let passed = 0;
    for (const [epoch, times] of Object.entries(this.milestones))
      if (Number(epoch) <= this.lastEpoch) passed += times;
    return this.baseLrs.map((lr) => lr * this.gamma ** passed);
  }
}

/** lr · gamma every epoch (PyTorch's `ExponentialLR`). */
export class ExponentialLR extends LRScheduler {
  readonly gamma: number;

  constructor(optimizer: Schedulable, gamma: number, options: SchedulerOptions = {}) {
    super(optimizer, options);
    this.gamma = gamma;
    this.start();
  }

  protected override getLr(): number[] {
    return this.scaled(this.lastEpoch === 0 ? 1 : this.gamma);
  }

  protected override closedFormLr(): number[] {
    return this.baseLrs.map((lr) => lr * this.gamma ** this.lastEpoch);
  }
}

/** The first learning rate times a function of the epoch, one function for all groups or one for each (PyTorch's `LambdaLR`). */
export class LambdaLR extends LRScheduler {
  readonly #factors: readonly ((epoch: number) => number)[];

  constructor(
    optimizer: Schedulable,
    lrLambda: ((epoch: number) => number) | readonly ((epoch: number) => number)[],
    options: SchedulerOptions = {},
  ) {
    super(optimizer, options);
    this.#factors = typeof lrLambda === 'function' ? this.baseLrs.map(() => lrLambda) : lrLambda;
    if (this.#factors.length !== this.baseLrs.length) {
      throw new ValueError(
        `LambdaLR: ${this.#factors.length} functions, the optimizer has ${this.baseLrs.length} parameter groups`,
      );
    }
    this.start();
  }

  protected override getLr(): number[] {
    return this.baseLrs.map((lr, i) => lr * this.#factors[i](this.lastEpoch));
  }
}
