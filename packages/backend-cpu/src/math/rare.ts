/** Functions that are loaded with the first kernel that calls one. */
export { atan } from './arctangent.js';
export { erf } from './errorFunction.js';
export { pow } from './power.js';
