/**
 * Random tests draw the same in every run: a failure comes of a change, not of chance. NEURITE_FUZZ_SEED takes another seed, or
 * `random` for one of the clock's, which a failure prints.
 */
import fc from 'fast-check';

const { NEURITE_FUZZ_SEED = '1' } = process.env;
if (NEURITE_FUZZ_SEED !== 'random') fc.configureGlobal({ seed: Number(NEURITE_FUZZ_SEED) });
