import { late } from '../late.js';

/** The tables of float64, which few programs compute with. */
export const doubles = late(() => import('./doubleTables.js'));
