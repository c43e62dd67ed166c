/** The backends that vectors can be run on. */
import { cpu } from '@neurite/backend-cpu';
import { webgpu } from '@neurite/backend-webgpu';
import type { BackendFactory } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';

export const BACKENDS = {
  cpu: () => cpu(),
  reference: () => reference(),
  webgpu: () => webgpu(),
} satisfies Record<string, () => BackendFactory>;

export type BackendName = keyof typeof BACKENDS;
