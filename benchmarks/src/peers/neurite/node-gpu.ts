/** Our rows in Node, on this machine's GPU or else on the software adapter that comes with the packaged Chromium. */
import { webgpu } from '@neurite/backend-webgpu';
import { onAnyGpu } from '@neurite/browser';
import type { PeerRows } from '../../case.js';
import { openOnGpu } from './gpu.js';

export const open = (compiled: boolean): Promise<PeerRows> => openOnGpu(onAnyGpu(webgpu()), { compiled });
