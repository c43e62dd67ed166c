/** The backends of the devices that a run may be computed on, in Node. */
import type { BackendFactory } from '@neurite/tensor';
import type { DeviceName } from './settings.js';

/** Loaded when they are asked for: one that is not used needs nothing installed. */
const FACTORIES: Readonly<Record<DeviceName, () => Promise<BackendFactory>>> = {
  cpu: async () => (await import('@neurite/backend-cpu')).cpu(),
  async webgpu() {
    const [{ webgpu }, { onAnyGpu }] = await Promise.all([
      import('@neurite/backend-webgpu'),
      import('@neurite/browser'),
    ]);
    return onAnyGpu(webgpu());
  },
  reference: async () => (await import('@neurite/tensor/reference')).reference(),
};

/** The backend of a device; for `webgpu` on this machine's GPU or, without one, on a software adapter. */
export const backendOf = (device: DeviceName): Promise<BackendFactory> => FACTORIES[device]();
