/** `@neurite/backend-webgpu`: the WebGPU backend. */
export { type GpuBackend, type WebGpuOptions, webgpu } from './backend.js';
export type { GpuCounters } from './counters.js';
export { fromGPUBuffer, type GpuBufferOptions, toGPUBuffer, withGPUBuffer } from './interop/buffer.js';
export { toCanvas } from './interop/canvas.js';
export { type FromImageOptions, fromImage, type ImageSource, type PixelData } from './interop/image.js';
