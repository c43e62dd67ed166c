/** Tensors for JavaScript runtimes. */

// The tensor and its functions.

export { type AttentionOptions, attention } from './functions/attention.js';
export * from './functions/autocast.js';
export * from './functions/combine.js';
export { type Compiled, type CompileOptions, type CompileReport, compile } from './functions/compile.js';
export * from './functions/create.js';
export { type DeviceBufferOptions, fromDeviceBuffer, withDeviceBuffer } from './functions/device-buffer.js';
export * from './functions/einsum.js';
export * from './functions/elementwise.js';
export * from './functions/indexing.js';
export * from './functions/matrix.js';
export * from './functions/movement.js';
export { profile } from './functions/profile.js';
export * from './functions/random.js';
export * from './functions/reduction.js';
export * from './functions/shaping.js';
export * from './functions/special.js';
export * from './functions/statistics.js';
export * from './functions/values.js';
export type { TensorHook } from './methods/core.js';
export type { AlphaOption, ClampOptions } from './methods/elementwise.js';
export type { IndexEntry, SliceIndex } from './methods/indexing.js';
export type { DTypeOption, ReduceOptions, ValuesIndices, VarianceOptions } from './methods/reduction.js';
export { Tensor } from './tensor.js';
export type { Nested } from './text.js';

// Dtypes and errors.

export {
  allocateArray,
  DTYPE_NAMES,
  DTYPES,
  type DType,
  fromHalfBits,
  isFloat,
  isInteger,
  promoteTypes,
  type TypedArray,
  toHalfBits,
  viewAs,
} from './dtype.js';
export * from './errors.js';

// Random numbers.

export { defaultGenerator, Generator, type GeneratorState, manualSeed } from './random/generator.js';
export { hostNormal, hostPermutation, hostRandomBits, hostUniform } from './random/host.js';

// Shapes as types.

export type * from './types/dims.js';
export type { FloatDType, FloatOf, Promote, SumOf } from './types/dtype.js';
export type { Elementwise, Fits, ShapeOf, TensorOrNumber } from './types/operand.js';
export type {
  Broadcast,
  BroadcastCheck,
  MatMul,
  MatMulCheck,
  Shape,
  ShapeMismatch,
  ShowShape,
} from './types/shape.js';

// Gradients: recording them, and the slot for a differentiator.

export {
  type BackwardOptions,
  type Differentiator,
  getDifferentiator,
  registerDifferentiator,
} from './graph/differentiator.js';
export { enableGrad, isGradEnabled, noGrad, setGradEnabled } from './graph/grad-mode.js';
export { Node, type NodeGradient, type NodeHook, opName, probe, record, withTrace } from './graph/node.js';
export { type Advance, guard, type HostStep, hostStep, isTracing, refuseReplay } from './graph/observer.js';
export type { AttentionParams } from './ops/attention.js';
export { hostValues } from './ops/indexing.js';
export * from './ops/primitives.js';

// Devices and running.

export { detectAnomaly } from './runtime/anomaly.js';
export { Device, getDefaultDevice as defaultDevice, type MemoryReport, memory } from './runtime/device.js';
export type { ExplainedKernel, Explanation } from './runtime/explain.js';
export type {
  Clock,
  HostEvent,
  HostTime,
  KernelEvent,
  Profile,
  ProfiledKernel,
  ProfileEvent,
} from './runtime/profile-summary.js';
export { resetStats, type Stats } from './runtime/stats.js';
export { type UseOptions, use } from './runtime/use.js';

// For backends: their interface and the kernel language.

export type * from './backend/interface.js';
export { type AffineForm, affineOf, linearOf, rangeOf } from './kernel/affine.js';
export { roundTo } from './kernel/exact.js';
export { childrenOf, createExprBuilder, type ExprBuilder, rewrite, visitExprs } from './kernel/expr.js';
export * from './kernel/ir.js';
export { COMBINING_OP, reductionIdentity } from './kernel/reduce.js';
export { comesBefore, type Sorted } from './kernel/sorting.js';
export { THREEFRY_PARITY, THREEFRY_ROTATIONS } from './kernel/threefry.js';
export { countUses, phaseRoots } from './kernel/traverse.js';
export { late, whenHere } from './late.js';
