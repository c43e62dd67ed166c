/** Random nodes: drawn on the device from counters that are reserved when they are recorded. */
import { type DType, isFloat } from '../dtype.js';
import { DTypeError, ValueError } from '../errors.js';
import { NO_ATTRS, type Node, record, sizeOf } from '../graph/node.js';
import { type HostStep, observer } from '../graph/observer.js';
import { cast } from '../ops/cast.js';
import { full, scalar } from '../ops/create.js';
import { binarySame, constant, ge, lt, unary } from '../ops/elementwise.js';
import { logicalOr } from '../ops/logic.js';
import { add, mul, sub } from '../ops/math.js';
import type { Generator } from './generator.js';

/** uint32 words: element i belongs to the i-th of the counters reserved here. */
export function randomBits(generator: Generator, shape: readonly number[]): Node {
  const count = sizeOf(shape);
  const start = generator.offset;
  const words = generator.next(count).map((w) => scalar(w, 'uint32'));
  if (observer) observer.advances(drawAgain(generator, start, count, words));
  return record('randomBits', words, NO_ATTRS, shape, 'uint32');
}

/** The same draw in a replay: the next counters of the same generator. */
function drawAgain(generator: Generator, start: number, count: number, scalars: readonly Node[]): HostStep {
  return {
    key: [generator, count],
    scalars,
    again: () => {
      const before = generator.offset;
      return { values: generator.next(count), undo: () => generator.rewind(before) };
    },
    undo: () => generator.rewind(start),
  };
}

/** The highest `count` bits as a fraction in [0, 1). */
function fraction(bits: Node, count: number): Node {
  const high = binarySame('shr', bits, full([], 32 - count, 'uint32'));
  const number = cast(high, 'float32');
  return mul(number, constant(number, 2 ** -count));
}

/** Uniform in [0, 1): multiples of 2^-24, of 2^-11 for float16 (which has no more bits below 1). */
export function unitUniform(generator: Generator, shape: readonly number[], dtype: DType): Node {
  if (!isFloat(dtype)) throw new DTypeError(`rand: takes a float dtype, got ${dtype}; use randint`);
  return cast(fraction(randomBits(generator, shape), dtype === 'float16' ? 11 : 24), dtype);
}

/** u · (high − low) + low. */
export function uniform(
  generator: Generator,
  shape: readonly number[],
  low: number,
  high: number,
  dtype: DType,
): Node {
  if (!(low <= high)) throw new ValueError(`uniform: low must not exceed high, got ${low} and ${high}`);
  return add(mul(unitUniform(generator, shape, dtype), high - low), low);
}

/** Standard normal numbers by Box and Muller: √(−2 ln(1 − u)) · cos 2πv, u from the first half of the counters. */
export function standardNormal(generator: Generator, shape: readonly number[], dtype: DType): Node {
  if (!isFloat(dtype)) throw new DTypeError(`randn: takes a float dtype, got ${dtype}`);
  const u = fraction(randomBits(generator, shape), 24);
  const v = fraction(randomBits(generator, shape), 24);
  const radius = unary('sqrt', mul(unary('log', sub(1, u)), constant(u, -2)));
  return cast(mul(radius, unary('cos', mul(v, constant(v, 2 * Math.PI)))), dtype);
}

/** Integers in [low, high): random bits modulo the width. The bias is below width / 2^32. */
export function randint(
  generator: Generator,
  low: number,
  high: number,
  shape: readonly number[],
  dtype: DType,
): Node {
  const width = high - low;
  if (!Number.isInteger(low) || !Number.isInteger(high) || width < 1 || width > 2 ** 32)
    throw new ValueError(`randint: need integers low < high at most 2^32 apart, got ${low} and ${high}`);
  const bits = randomBits(generator, shape);
  const reduced = width === 2 ** 32 ? bits : binarySame('mod', bits, scalar(width, 'uint32'));
  // Two's complement: adding in int32 is right for every low, also where the sum is meant as uint32.
  return cast(add(cast(reduced, 'int32'), low | 0), dtype);
}

const MAX_WORD = 4294967295;

/** true with probability p, by comparing integers: the same mask on every backend. p is a runtime argument. */
export function bernoulliMask(generator: Generator, shape: readonly number[], p: number): Node {
  if (!(p >= 0 && p <= 1)) throw new ValueError(`bernoulli: p must lie in [0, 1], got ${p}`);
  const bits = randomBits(generator, shape);
  if (p === 1) return full(shape, 1, 'bool');
  return lt(bits, scalar(Math.min(Math.round(p * 4294967296), MAX_WORD), 'uint32'));
}

/** 1 with the probability that stands in `p`, element by element. */
export function bernoulliFrom(generator: Generator, p: Node): Node {
  if (!isFloat(p.dtype)) throw new DTypeError(`bernoulli: the probabilities must be floats, got ${p.dtype}`);
  const chance = cast(p, 'float32');
  const threshold = cast(mul(chance, constant(chance, 4294967296)), 'uint32');
  const hit = lt(randomBits(generator, p.shape), threshold);
  // 2^32 does not fit the threshold, so that certainty needs a case of its own.
  return cast(logicalOr(hit, ge(chance, 1)), p.dtype);
}
