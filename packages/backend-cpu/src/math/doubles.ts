import { late } from '@neurite/tensor';

/** The tables of float64, which few programs compute with. */
export const doubles = late(() => import('./doubleTables.js'));
