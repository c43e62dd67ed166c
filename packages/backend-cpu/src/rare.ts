/** What few kernels need of functions and formats. */
import { late } from '@neurite/tensor';

export const rare = late(() => import('./rareFunctions.js'));
