/** Our rows in a page, replayed by `compile`. */
import { open } from '../../peers/neurite/index.js';
import { peerPage } from '../page.js';

export const { start, measureAgain } = peerPage((threads) => open(threads, { compiled: true }));
