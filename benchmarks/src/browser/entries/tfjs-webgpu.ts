/** tfjs's rows on the page's GPU. */
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { openOnGpu } from '../../peers/tfjs/gpu.js';
import { peerPage } from '../page.js';

export const { start, measureAgain } = peerPage(openOnGpu, { gpu: true });
