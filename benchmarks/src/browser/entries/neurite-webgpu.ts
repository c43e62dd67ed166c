/** Our rows on the page's GPU. */
import { webgpu } from '@neurite/backend-webgpu';
import { openOnGpu } from '../../peers/neurite/gpu.js';
import { peerPage } from '../page.js';

export const { start, measureAgain } = peerPage(() => openOnGpu(webgpu()), { gpu: true });
