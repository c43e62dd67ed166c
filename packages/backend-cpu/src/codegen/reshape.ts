import { late } from '@neurite/tensor';

/** What changes the shape of nests; for many programs there is too little to do. */
export const reshaping = late(() => import('./reshaping.js'));
