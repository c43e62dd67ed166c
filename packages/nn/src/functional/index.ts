/** The stateless functions behind the layers: PyTorch's `torch.nn.functional` in camelCase. */
export * from './activation.js';
export * from './adaptive-avg-pool.js';
export * from './avg-pool.js';
export * from './conv.js';
export * from './cross-entropy.js';
export * from './distance-loss.js';
export * from './dropout.js';
export { type EmbeddingOptions, embedding } from './embedding.js';
export * from './linear.js';
export * from './max-pool.js';
export * from './normalization.js';
export { type PadMode, type PadOptions, pad } from './pad.js';
export * from './probability-loss.js';
export type { Reduction, ReductionOptions } from './reduction.js';
export * from './softmax.js';
