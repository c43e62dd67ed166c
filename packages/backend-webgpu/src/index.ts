/** `@neurite/backend-webgpu`: the WebGPU backend. */
export { type GpuBackend, type WebGpuOptions, webgpu } from './backend.js';
export type { GpuCounters } from './counters.js';
