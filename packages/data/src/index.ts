/** Datasets, loaders, samplers, transforms and file formats for `@neurite/tensor`. */
export { BatchSampler, type BatchSource } from './batch-sampler.js';
export { type Collated, collate } from './collate.js';
export { ArrayDataset, ConcatDataset, type Dataset, Subset } from './dataset.js';
export {
  type ColumnType,
  type CsvColumn,
  type CsvOptions,
  CsvTable,
  parseCsv,
  readCsv,
} from './formats/csv.js';
export { readIdx } from './formats/idx.js';
export { type LabelledImages, loadMnistIdx, type MnistFiles } from './formats/mnist.js';
export type { ByteSource } from './formats/source.js';
export { type HostArray, hostArray, toTensor } from './host-array.js';
export { DataLoader, type DataLoaderOptions, type DataLoaderState } from './loader.js';
export type { Random } from './random.js';
export {
  RandomSampler,
  type Sampler,
  SequentialSampler,
  StratifiedSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from './sampler.js';
export { randomSplit, stratifiedSplit } from './split.js';
export { TensorDataset } from './tensor-dataset.js';
export { type Transform, TransformDataset } from './transform-dataset.js';
export { type AffineOptions, affine, type RandomAffineOptions, randomAffine } from './transforms/affine.js';
export { compose, onMember } from './transforms/compose.js';
export { randomCrop, randomHorizontalFlip } from './transforms/geometry.js';
export { normalize, oneHot, toFloat } from './transforms/pixel.js';
