/** What went wrong with a device, told to whoever waits for it. */
import { DeviceError, DeviceLostError, OutOfMemoryError } from '@neurite/tensor';

export interface Health {
  /**
   * Does work whose complaints of a kind come to whoever waits for the device next, as the error that `tell` makes of them; not to the
   * page that the device may belong to. `judged` is called with that error, or with null when the device had none, after those of earlier work.
   */
  guard<T>(
    kind: GPUErrorFilter,
    tell: (message: string) => DeviceError | Promise<DeviceError>,
    work: () => T,
    judged?: (error: DeviceError | null) => void,
  ): T;
  /** Buffers of which the device has yet to say whether it had the memory, each with the first kernel that is to use it. */
  readonly unsure: Map<GPUBuffer, string | null>;
  /** Resolves when all guarded work so far has been judged. */
  judged(): Promise<void>;
  /** Throws DeviceLostError when the device is gone, and once what else went wrong since the last check. */
  check(): void;
  /** Waits, but not for a device that is gone. */
  orLost<T>(work: Promise<T>): Promise<T>;
  lost(): DeviceLostError;
}

/** What went wrong and was not told yet. */
interface State {
  fault: DeviceError | null;
}

/**
 * A listener for what nobody guarded. Dawn in Node holds on to it for good: it must not know the device, or neither would ever be
 * collected (a quarter of a MiB for each device).
 */
const complaintsTo = (state: State) => (event: Event) => {
  const { error } = event as GPUUncapturedErrorEvent;
  const isMemory = error.constructor.name === 'GPUOutOfMemoryError';
  state.fault ??= isMemory
    ? new OutOfMemoryError(`webgpu: the device has no memory left: ${error.message}`)
    : new DeviceError(`webgpu: ${error.message}`);
  event.preventDefault();
};

/** `isShared`: whether others use the device too; what they do wrong is not told here. */
export function watch(device: GPUDevice, isShared: boolean): Health {
  let loss: DeviceLostError | null = null;
  const state: State = { fault: null };
  const lost = () => loss ?? new DeviceLostError('webgpu: the device was destroyed');
  device.lost.then(({ reason, message }) => {
    loss = new DeviceLostError(
      reason === 'destroyed'
        ? 'webgpu: the device was destroyed'
        : `webgpu: the device is lost: ${message || 'no reason given'}`,
    );
    for (const reject of waiting) reject(loss);
  });
  /** What is to be rejected if the device goes. A reaction for each to `device.lost` would stay as long as the device. */
  const waiting = new Set<(reason: DeviceLostError) => void>();
  const orLost = <T>(work: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      if (loss) return reject(loss);
      waiting.add(reject);
      work.then(resolve, reject).finally(() => waiting.delete(reject));
    });
  let judged: Promise<unknown> = Promise.resolve();
  if (!isShared) device.addEventListener('uncapturederror', complaintsTo(state));
  return {
    guard(kind, tell, work, tellJudged) {
      device.pushErrorScope(kind);
      try {
        return work();
      } finally {
        const earlier = judged;
        const verdict = device.popErrorScope().then(async (error) => {
          const told = error && (await tell(error.message));
          state.fault ??= told;
          await earlier;
          tellJudged?.(told);
        });
        judged = Promise.allSettled([earlier, verdict]);
      }
    },
    unsure: new Map(),
    judged: () => orLost(judged.then(() => undefined)),
    check() {
      if (loss) throw loss;
      const { fault } = state;
      state.fault = null;
      if (fault) throw fault;
    },
    orLost,
    lost,
  };
}
