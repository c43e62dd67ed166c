/** WebGPU in Node. */
import { type GpuClasses, type GpuWatch, watchGpu } from './watch.js';

/** Counts all that is done with Dawn in this process. */
export async function watchDawn(): Promise<GpuWatch> {
  // In a variable: the package's types declare WebGPU once more.
  const name = 'webgpu';
  const { globals } = (await import(name)) as { globals: GpuClasses };
  return watchGpu(globals);
}
