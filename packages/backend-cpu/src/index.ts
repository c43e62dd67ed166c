/** CPU backend for `@neurite/tensor`: WebAssembly SIMD code generated at run time. */
export { type CpuOptions, cpu } from './backend.js';
