export { belowMaximum } from './numbering.js';
export { splitIntoStages } from './split.js';
export { stashRepeated } from './stash.js';
