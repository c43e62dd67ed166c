/** Tensors from and to GPU buffers of the same device, without a trip over the host. */
import {
  type Device,
  type DeviceBuffer,
  DeviceError,
  DTYPES,
  type DType,
  defaultDevice,
  fromDeviceBuffer,
  type Shape,
  ShapeError,
  type Tensor,
  withDeviceBuffer,
} from '@neurite/tensor';
import type { GpuBackend } from '../backend.js';
import { type GpuBuffer, gpuOf, roundUp, USAGE } from '../memory.js';
import { gpuBackendOf } from './device.js';

export interface GpuBufferOptions<D extends DType = DType> {
  /** What the buffer holds, row-major (default float32). */
  readonly dtype?: D;
  /** The device of tensors that computes on the buffer's GPUDevice (default: the default device). */
  readonly device?: Device;
  /**
   * False (default): the values are copied on the device; the buffer stays the caller's, who may write to it or destroy it at once. True: the tensor
   * takes the buffer over and destroys it when it is collected; the caller must not write to it, map it or destroy it any more.
   */
  readonly adopt?: boolean;
}

const COPY_SRC = 0x4;

/** Where bytes begin in a GPU buffer. */
interface Place {
  readonly gpu: GPUBuffer;
  readonly offset: number;
}

const placeOf = (held: DeviceBuffer): Place => ({ gpu: gpuOf(held), offset: (held as GpuBuffer).offset });

const copy = (who: string, backend: GpuBackend, from: Place, to: Place, bytes: number): void =>
  backend.after(who, () => {
    const encoder = backend.device.createCommandEncoder();
    encoder.copyBufferToBuffer(from.gpu, from.offset, to.gpu, to.offset, bytes);
    backend.device.queue.submit([encoder.finish()]);
  });

/**
 * A tensor of what a GPU buffer holds after everything that was submitted to the device's queue until now. The buffer must be of the GPUDevice
 * that the tensors are computed on: `webgpu({ device })` takes the page's. It needs the usage COPY_SRC; to be adopted, STORAGE, COPY_SRC
 * and COPY_DST. It may be longer than the tensor, and must not be mapped.
 *
 * Throws ShapeError where the buffer is too small, DeviceError for a buffer that cannot be used and for a device without WebGPU,
 * OutOfMemoryError. A buffer of another GPUDevice is an error of the next read.
 */
export function fromGPUBuffer<const S extends Shape, D extends DType = 'float32'>(
  buffer: GPUBuffer,
  shape: S,
  options: GpuBufferOptions<D> = {},
): Tensor<S, D> {
  const { dtype = 'float32' as D, device = defaultDevice(), adopt = false } = options;
  const gpu = gpuBackendOf('fromGPUBuffer', device);
  // Kernels bind whole words.
  const bytes = roundUp(shape.reduce((n, size) => n * size, 1) * DTYPES[dtype].bytes);
  if (buffer.size < bytes)
    throw new ShapeError(
      `fromGPUBuffer: ${dtype}[${shape.join(', ')}] takes ${bytes} bytes, the buffer has ${buffer.size}`,
    );
  const needed = adopt ? USAGE : COPY_SRC;
  if ((buffer.usage & needed) !== needed)
    throw new DeviceError(
      `fromGPUBuffer: the buffer needs the usage ${adopt ? 'STORAGE, COPY_SRC and COPY_DST' : 'COPY_SRC'}`,
    );
  if (buffer.mapState !== 'unmapped')
    throw new DeviceError('fromGPUBuffer: the buffer is mapped; unmap it first');
  if (adopt) return fromDeviceBuffer(gpu.adopt(buffer), shape, { dtype, device });
  return fromDeviceBuffer(
    (made) => copy('fromGPUBuffer', gpu, { gpu: buffer, offset: 0 }, placeOf(made), bytes),
    shape,
    {
      dtype,
      device,
    },
  );
}

/**
 * A GPU buffer with a tensor's values, row-major, after they were computed. It is the caller's, who may write to it and destroys it; the tensor
 * knows nothing of it. Its size is that of the tensor in whole words.
 *
 * @param options.usage what it is for besides STORAGE, COPY_SRC and COPY_DST (VERTEX, for example).
 * @throws DeviceError for a device without WebGPU, and what computing the tensor throws.
 */
export function toGPUBuffer(
  tensor: Tensor,
  options: { readonly usage?: GPUBufferUsageFlags } = {},
): Promise<GPUBuffer> {
  const { numel, dtype } = tensor;
  return withDeviceBuffer(tensor, (held, device) => {
    const gpu = gpuBackendOf('toGPUBuffer', device);
    const size = Math.max(4, roundUp(numel * DTYPES[dtype].bytes));
    const buffer = gpu.device.createBuffer({ size, usage: USAGE | (options.usage ?? 0) });
    if (numel > 0) copy('toGPUBuffer', gpu, placeOf(held), { gpu: buffer, offset: 0 }, size);
    return buffer;
  });
}

/**
 * Calls `use` with the very buffer that holds a tensor's values, row-major from `byteOffset` on (a multiple of 256) and perhaps followed by others, after they were
 * computed; resolves with what `use` returns. Nothing is copied. The buffer stays the tensor's: `use` may read it (STORAGE, COPY_SRC) by what it submits before it returns, and must not
 * write to it, destroy it, or keep it.
 *
 * @throws DeviceError for a device without WebGPU, and what computing the tensor throws.
 */
export function withGPUBuffer<T>(
  tensor: Tensor,
  use: (buffer: GPUBuffer, device: GPUDevice, byteOffset: number) => T,
): Promise<T> {
  return withDeviceBuffer(tensor, (held, device) => {
    const backend = gpuBackendOf('withGPUBuffer', device);
    backend.flush();
    const { gpu, offset } = placeOf(held);
    return use(gpu, backend.device, offset);
  });
}
