/**
 * Random number generators: a key (the seed) and a counter (how much was drawn). Element i of a draw is a function of
 * key and counter + i alone, so that it is the same on every backend and in every recomputation.
 */
import { ValueError } from '../errors.js';
import { observer } from '../graph/observer.js';
import { threefry2x32 } from '../kernel/threefry.js';

/** What a generator needs to go on where another one stopped; plain data for checkpoints. */
export interface GeneratorState {
  /** Low and high 32 bits. */
  readonly seed: readonly [number, number];
  /** Counters used so far. */
  readonly offset: number;
}

const WORD = 4294967296;

export class Generator {
  private key: readonly [number, number];
  private used = 0;

  /** The seed is a 64-bit number; negative ones wrap. */
  constructor(seed: number | bigint = 0) {
    this.key = wordsOf(seed);
  }

  /** The seed; a bigint where it does not fit a number. */
  get seed(): number | bigint {
    const [low, high] = this.key;
    return high < 2 ** 21 ? high * WORD + low : (BigInt(high) << 32n) | BigInt(low);
  }
  /** Counters used so far. */
  get offset(): number {
    return this.used;
  }

  get state(): GeneratorState {
    return { seed: [...this.key] as [number, number], offset: this.used };
  }
  set state({ seed: [low, high], offset }: GeneratorState) {
    const isWord = (w: number) => Number.isInteger(w) && w >= 0 && w < WORD;
    if (!isWord(low) || !isWord(high) || !Number.isSafeInteger(offset) || offset < 0)
      throw new ValueError(`generator: not a state: seed words ${low} and ${high}, offset ${offset}`);
    if (observer) observer.refuses('it sets the state of a random generator');
    this.key = [low, high];
    this.used = offset;
  }

  /** Starts again with another seed. */
  manualSeed(seed: number | bigint): this {
    if (observer) observer.refuses('it seeds a random generator');
    this.key = wordsOf(seed);
    this.used = 0;
    return this;
  }

  /** Reserves `n` counters and returns the words of key and first counter: what `randomBits` takes. */
  next(n: number): readonly [k0: number, k1: number, c0: number, c1: number] {
    const start = this.used;
    this.used += n;
    return [...this.key, start % WORD, Math.floor(start / WORD)];
  }

  /** Goes back to an offset: what was drawn since is drawn again. */
  rewind(offset: number): void {
    this.used = offset;
  }

  /**
   * An independent generator: its seed is both output words of Threefry at the next counter of this one, which is used
   * up. Draws only ever use first words of other counters.
   */
  fork(): Generator {
    if (observer) observer.refuses('it forks a random generator');
    const child = new Generator();
    child.key = threefry2x32(...this.next(1));
    return child;
  }
}

function wordsOf(seed: number | bigint): [number, number] {
  if (typeof seed === 'number' && !Number.isSafeInteger(seed))
    throw new ValueError(`manualSeed: a seed must be an integer up to 2^53, or a bigint, got ${seed}`);
  const bits = BigInt.asUintN(64, BigInt(seed));
  return [Number(bits & 0xffffffffn), Number(bits >> 32n)];
}

/** The generator of all random functions that are not given one. */
export const defaultGenerator = new Generator();

/** Seeds the default generator. Without it every program draws the same numbers. */
export const manualSeed = (seed: number | bigint): Generator => defaultGenerator.manualSeed(seed);
