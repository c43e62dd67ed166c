/** jax-js's rows on the page's GPU. */
import { openOnGpu } from '../../peers/jax/index.js';
import { peerPage } from '../page.js';

export const { start, measureAgain } = peerPage(openOnGpu, { gpu: true });
