/** `@neurite/tensor/testkit`: what a backend must pass. */
export type { Draw } from './graph-values.js';
export { createGraphChecker, describeGraphs, type GraphChecker, type GraphTestOptions } from './graphs.js';
export type { KernelCase, TestRunner, Tolerance } from './harness.js';
export { describeKernels, kernelCases } from './kernels.js';
