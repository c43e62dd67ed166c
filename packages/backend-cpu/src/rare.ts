/** What few kernels need of functions and formats. */
import { late } from './late.js';

export const rare = late(() => import('./rareFunctions.js'));
