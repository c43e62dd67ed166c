/** `@neurite/tensor/testkit`: what a backend must pass. */

// What `compile` is spared, for tests of a backend's own; a program loads it only with a device that does not spell all ops.
export { lowerScalarOps } from '../kernel/lowering.js';
export { printKernel } from '../kernel/print.js';
export { evaluateScalar } from '../kernel/scalar.js';
export type { Draw } from './graph-values.js';
export { createGraphChecker, describeGraphs, type GraphChecker, type GraphTestOptions } from './graphs.js';
export type { KernelCase, TestRunner, Tolerance } from './harness.js';
export { describeKernels, type KernelTestOptions, kernelCases } from './kernels.js';
