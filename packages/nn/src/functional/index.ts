/** The stateless functions behind the layers: PyTorch's `torch.nn.functional` in camelCase. */
export * from './activation.js';
export {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  type OutputSize,
} from './adaptive-avg-pool.js';
export * from './adaptive-max-pool.js';
export {
  type ScaledDotProductAttentionOptions,
  scaledDotProductAttention,
} from './attention.js';
export * from './avg-pool.js';
export * from './bilinear.js';
export * from './conv.js';
export * from './cross-entropy.js';
export * from './density-loss.js';
export * from './distance-loss.js';
export * from './dropout.js';
export { type EmbeddingOptions, embedding } from './embedding.js';
export * from './linear.js';
export * from './local-response-norm.js';
export * from './margin-loss.js';
export * from './max-pool.js';
export * from './normalization.js';
export * from './one-hot.js';
export { type PadMode, type PadOptions, pad } from './pad.js';
export * from './pixel-shuffle.js';
export * from './probability-loss.js';
export type { Reduction, ReductionOptions } from './reduction.js';
export {
  type CosineSimilarityOptions,
  cosineSimilarity,
  type NormalizeOptions,
  normalize,
  type PairwiseDistanceOptions,
  pairwiseDistance,
  pdist,
} from './similarity.js';
export * from './softmax.js';
export * from './unfold.js';
