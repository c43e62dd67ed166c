/** Optimizers, learning-rate schedules and gradient clipping for `@neurite/tensor`. */
export { Adadelta, type AdadeltaOptions } from './adadelta.js';
export { Adagrad, type AdagradOptions } from './adagrad.js';
export { Adam, type AdamOptions, AdamW } from './adam.js';
export { Adamax, type AdamaxOptions } from './adamax.js';
export { ASGD, type ASGDOptions } from './asgd.js';
export { type ClipGradNormOptions, clipGradNorm, clipGradValue } from './clip.js';
export { GradScaler, type GradScalerOptions, type GradScalerStateDict } from './grad-scaler.js';
export { NAdam, type NAdamOptions } from './nadam.js';
export { Optimizer, type StepInput, type StepOptions, type StepOutput } from './optimizer.js';
export type { BaseOptions, ParamGroup, ParamGroupInput, Params } from './parameter-groups.js';
export type { ParameterState, StateLayout } from './parameter-state.js';
export { RAdam, type RAdamOptions } from './radam.js';
export { RMSprop, type RMSpropOptions } from './rmsprop.js';
export { Rprop, type RpropOptions } from './rprop.js';
export * from './scheduler/index.js';
export * as lrScheduler from './scheduler/index.js';
export { SGD, type SGDOptions } from './sgd.js';
export type { OptimizerStateDict, SavedGroup } from './state-dict.js';
