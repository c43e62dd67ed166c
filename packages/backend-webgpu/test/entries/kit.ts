/** The backend test kit on the GPU of a page. */
import { kitOf } from '@neurite/browser/kit';
import { type WebGpuOptions, webgpu } from '../../src/index.js';

export async function run(options: WebGpuOptions, graphs: number) {
  const { notes, backend } = await webgpu(options).start();
  backend.destroy();
  const { names, run } = await kitOf(webgpu(options), { flushesSubnormals: true, graphs });
  return { notes, names, failures: await run() };
}
