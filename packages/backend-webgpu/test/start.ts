/** The device of the tests: this machine's own GPU if it has one, otherwise the software adapter of the packaged Chromium. */
import { onAnyGpu } from '@neurite/browser';
import { type GpuBackend, type WebGpuOptions, webgpu } from '../src/index.js';

export const startGpu = async (options: WebGpuOptions = {}): Promise<GpuBackend> =>
  (await onAnyGpu(webgpu(options)).start()).backend as GpuBackend;
