/** What went wrong with a device, told to whoever waits for it. */
import { DeviceError, DeviceLostError, OutOfMemoryError } from '@neurite/tensor';

export interface Health {
  /** Throws DeviceLostError when the device is gone, and once what else went wrong since the last check. */
  check(): void;
  /** Waits, but not for a device that is gone. */
  orLost<T>(work: Promise<T>): Promise<T>;
  lost(): DeviceLostError;
}

export function watch(device: GPUDevice): Health {
  let loss: DeviceLostError | null = null;
  let fault: DeviceError | null = null;
  const lost = () => loss ?? new DeviceLostError('webgpu: the device was destroyed');
  const gone = device.lost.then(({ reason, message }) => {
    loss = new DeviceLostError(
      reason === 'destroyed'
        ? 'webgpu: the device was destroyed'
        : `webgpu: the device is lost: ${message || 'no reason given'}`,
    );
  });
  device.addEventListener('uncapturederror', (event) => {
    const { error } = event as GPUUncapturedErrorEvent;
    const isMemory = error.constructor.name === 'GPUOutOfMemoryError';
    fault ??= isMemory
      ? new OutOfMemoryError(`webgpu: the device has no memory left: ${error.message}`)
      : new DeviceError(`webgpu: ${error.message}`);
    event.preventDefault();
  });
  return {
    check() {
      if (loss) throw loss;
      if (!fault) return;
      const told = fault;
      fault = null;
      throw told;
    },
    async orLost(work) {
      work.catch(() => undefined);
      return Promise.race([
        work,
        gone.then((): never => {
          throw lost();
        }),
      ]);
    },
    lost,
  };
}
