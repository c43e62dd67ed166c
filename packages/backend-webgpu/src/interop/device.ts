/** The WebGPU device behind a device of tensors. */
import { type Device, DeviceError } from '@neurite/tensor';
import type { GpuBackend } from '../backend.js';

/** Throws DeviceError, for the function `who`, where there is none. */
export function gpuBackendOf(who: string, { backend, name }: Device): GpuBackend {
  if ('adopt' in backend && 'device' in backend) return backend as GpuBackend;
  throw new DeviceError(`${who}: expected a device of webgpu(), got ${name}`);
}
