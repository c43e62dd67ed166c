import { defaultGenerator, Generator, hostPermutation, hostRandomBits } from '@neurite/tensor';

/** Keeps the streams of different uses of one seed apart. */
export const STREAMS = { shuffle: 1, weighted: 2, stratified: 3, split: 4, transform: 5 } as const;

/**
 * The seed of a generator, or of a fresh one forked from the default generator (so that `manualSeed` decides it). Cut to 53
 * bits, which a checkpoint in JSON keeps.
 */
export function seedOf(generator: Generator = defaultGenerator.fork()): number {
  return Number(BigInt.asUintN(53, BigInt(generator.seed)));
}

/**
 * A generator that is a pure function of a seed and a path of numbers (stream, epoch, index, …): each step of the path
 * forks the generator before it at that counter. Nothing has to be remembered to resume, and no order of calls matters.
 */
export function derivedGenerator(seed: number, ...path: readonly number[]): Generator {
  let generator = new Generator(seed);
  for (const step of path) {
    generator.state = { seed: generator.state.seed, offset: step };
    generator = generator.fork();
  }
  return generator;
}

/** `n` numbers strictly between 0 and 1, from one 32-bit word each. */
export function uniforms(generator: Generator, n: number): Float64Array {
  const bits = hostRandomBits(generator, n);
  return Float64Array.from(bits, (word) => (word + 0.5) / 2 ** 32);
}

/** The same values in random order. */
export function shuffled(values: ArrayLike<number>, generator: Generator): Int32Array {
  return hostPermutation(generator, values.length).map((i) => values[i]);
}

/** A short sequence of draws for one sample. */
export interface Random {
  /** A number in (low, high). */
  uniform(low: number, high: number): number;
  /** An integer in [0, n). */
  integer(n: number): number;
}

/** The draws of a generator one at a time, from words fetched in small blocks. */
export function randomFrom(generator: Generator): Random {
  let block: Float64Array = new Float64Array(0);
  let used = 0;
  const next = (): number => {
    if (used === block.length) {
      block = uniforms(generator, 16);
      used = 0;
    }
    return block[used++];
  };
  return {
    uniform: (low, high) => low + (high - low) * next(),
    integer: (n) => Math.floor(next() * n),
  };
}
