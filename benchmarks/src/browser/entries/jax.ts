/** jax-js's rows in a page; it takes as many threads as the machine has. */
import { open } from '../../peers/jax/index.js';
import { peerPage } from '../page.js';

export const { start, measureAgain } = peerPage(open);
