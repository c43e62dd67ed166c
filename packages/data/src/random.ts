import { defaultGenerator, Generator, hostRandomBits } from '@neurite/tensor';

/** Keeps the streams of different uses of one seed apart. */
export const STREAMS = { shuffle: 1, weighted: 2, stratified: 3, split: 4, transform: 5 } as const;

/** 53 bits of two words: as many as a JavaScript number keeps. */
const joinWords = (high: number, low: number): number => (high & 0x1fffff) * 2 ** 32 + low;

/** The seed of a generator, or a fresh one drawn from the default generator (so that `manualSeed` decides it). */
export function seedOf(generator?: Generator): number {
  if (generator) return generator.seed;
  const [high, low] = hostRandomBits(defaultGenerator, 2);
  return joinWords(high, low);
}

/**
 * A generator that is a pure function of a seed and a path of numbers (stream, epoch, index, …): each step of the path
 * draws the next key from the previous one. Nothing has to be remembered to resume, and no order of calls matters.
 */
export function derivedGenerator(seed: number, ...path: readonly number[]): Generator {
  let key = seed;
  for (const step of path) {
    const generator = new Generator(key);
    generator.offset = 2 * step;
    const [high, low] = hostRandomBits(generator, 2);
    key = joinWords(high, low);
  }
  return new Generator(key);
}

/** `n` numbers strictly between 0 and 1, from one 32-bit word each. */
export function uniforms(generator: Generator, n: number): Float64Array {
  const bits = hostRandomBits(generator, n);
  return Float64Array.from(bits, (word) => (word + 0.5) / 2 ** 32);
}

/** Shuffles in place (Fisher and Yates, as Durstenfeld wrote it). */
export function shuffle<A extends { [index: number]: number; readonly length: number }>(
  values: A,
  generator: Generator,
): A {
  const draws = uniforms(generator, values.length);
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(draws[i] * (i + 1));
    const kept = values[i];
    values[i] = values[j];
    values[j] = kept;
  }
  return values;
}

/** 0, 1, …, n − 1. */
export const range = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);

/** A short sequence of draws for one sample. */
export interface Random {
  /** A number in (low, high). */
  uniform(low: number, high: number): number;
  /** An integer in [0, n). */
  integer(n: number): number;
}

/** The draws of a generator one at a time, from words fetched in small blocks. */
export function randomFrom(generator: Generator): Random {
  let block = new Float64Array(0);
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
