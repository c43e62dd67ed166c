/** Tensors from and to memory of a device, for what shares it: a page's own WebGPU code, for example. */
import type { DeviceBuffer } from '../backend/interface.js';
import { DTYPES, type DType } from '../dtype.js';
import { ShapeError } from '../errors.js';
import { leaf, sizeOf } from '../graph/node.js';
import { refuseReplay } from '../graph/observer.js';
import { deviceStorage } from '../graph/storage.js';
import { nodeOf } from '../methods/wrap.js';
import { checkSizes } from '../ops/dims.js';
import { type Device, getDefaultDevice } from '../runtime/device.js';
import { useBufferOf } from '../runtime/realize.js';
import { Tensor } from '../tensor.js';
import type { Shape } from '../types/shape.js';

export interface DeviceBufferOptions<D extends DType = DType> {
  /** Default float32. */
  readonly dtype?: D;
  /** Whose memory it is (default: the default device). */
  readonly device?: Device;
}

/**
 * A tensor whose value lies in device memory, row-major. `source` is either a buffer of the device's backend, which the tensor owns from
 * then on: nobody else may write to it or free it, and the device frees it with the tensor. Or it is a function that fills a new
 * buffer by means of the backend, before it returns: what it submits there comes before whatever uses the tensor.
 *
 * For authors of backends and of what belongs to one; users call a function that is made with it, as `fromGPUBuffer` of
 * `@neurite/backend-webgpu`. Throws ShapeError where the buffer is too small, and OutOfMemoryError.
 */
export function fromDeviceBuffer<const S extends Shape, D extends DType = 'float32'>(
  source: DeviceBuffer | ((buffer: DeviceBuffer) => void),
  shape: S,
  options: DeviceBufferOptions<D> = {},
): Tensor<S, D> {
  refuseReplay('it takes values out of device memory');
  const { dtype = 'float32' as D, device = getDefaultDevice() } = options;
  device.check();
  checkSizes('fromDeviceBuffer', shape);
  const size = sizeOf(shape);
  const bytes = size * DTYPES[dtype].bytes;
  const buffer = typeof source === 'function' ? filled(device, bytes, source) : source;
  if (typeof source !== 'function') {
    if (source.bytes < bytes)
      throw new ShapeError(
        `fromDeviceBuffer: ${dtype}[${shape.join(', ')}] takes ${bytes} bytes, the buffer has ${source.bytes}`,
      );
    device.adopt(source);
  }
  const storage = deviceStorage(dtype, size, bytes, device);
  device.own(storage, buffer);
  return Tensor.fromNode(leaf(storage, shape, device));
}

function filled(device: Device, bytes: number, fill: (buffer: DeviceBuffer) => void): DeviceBuffer {
  const buffer = device.allocate(bytes);
  try {
    fill(buffer);
  } catch (e) {
    device.free(buffer);
    throw e;
  }
  return buffer;
}

/**
 * Computes a tensor and calls `use` with the device buffer that holds its value (row-major, and perhaps longer), and with the device;
 * resolves with what `use` returns. The buffer stays the tensor's: `use` may read it by what it submits to the backend before it returns, and
 * must not write, free or keep it.
 */
export function withDeviceBuffer<T>(
  tensor: Tensor,
  use: (buffer: DeviceBuffer, device: Device) => T,
): Promise<T> {
  refuseReplay('it uses device memory');
  return useBufferOf(nodeOf('withDeviceBuffer', tensor), use);
}
