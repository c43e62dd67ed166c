/** Optimizers, learning-rate schedules and gradient clipping for `@neurite/tensor`. */
export { Adam, type AdamOptions, AdamW } from './adam.js';
export { type ClipGradNormOptions, clipGradNorm, clipGradValue } from './clip.js';
export { Optimizer, type ParameterState, type StateLayout, type StepInput, type StepOutput } from './optimizer.js';
export type { BaseOptions, ParamGroup, ParamGroupInput, Params } from './parameter-groups.js';
export * from './scheduler/index.js';
export * as lrScheduler from './scheduler/index.js';
export { SGD, type SGDOptions } from './sgd.js';
export type { OptimizerStateDict, SavedGroup } from './state-dict.js';
