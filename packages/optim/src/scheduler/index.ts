/** Learning-rate schedules: PyTorch's `torch.optim.lr_scheduler`. */
export { ChainedScheduler, SequentialLR } from './compose.js';
export { CosineAnnealingLR, CosineAnnealingWarmRestarts } from './cosine.js';
export { CyclicLR, type CyclicOptions } from './cyclic.js';
export { OneCycleLR, type OneCycleOptions } from './one-cycle.js';
export { type PlateauOptions, ReduceLROnPlateau } from './plateau.js';
export { ConstantLR, LinearLR, PolynomialLR } from './ramp.js';
export {
  LRScheduler,
  type Schedulable,
  type ScheduledGroup,
  type SchedulerOptions,
  type SchedulerStateDict,
} from './scheduler.js';
export { ExponentialLR, LambdaLR, MultiStepLR, StepLR } from './step.js';
