/** Our rows in a page. */
import { open } from '../../peers/neurite/index.js';
import { peerPage } from '../page.js';

export const { start, measureAgain } = peerPage(open);
