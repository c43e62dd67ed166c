/** `@neurite/tensor/testkit`: what a backend must pass. */
export type { KernelCase, TestRunner, Tolerance } from './harness.js';
export { describeKernels, kernelCases } from './kernels.js';
