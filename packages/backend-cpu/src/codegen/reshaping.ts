export { splitIntoStages } from './split.js';
export { stashRepeated } from './stash.js';
