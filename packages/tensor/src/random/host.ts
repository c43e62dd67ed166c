/** Draws that are made on the host: initial weights, permutations. The bits are those of the device. */

import { observer } from '../graph/observer.js';
import { threefryFill } from '../kernel/threefry.js';
import type { Generator } from './generator.js';

/** `n` words of 32 random bits. */
export function hostRandomBits(generator: Generator, n: number): Uint32Array {
  if (observer) observer.refuses('it draws random numbers on the host');
  const out = new Uint32Array(n);
  threefryFill(out, ...generator.next(n));
  return out;
}

const f = Math.fround;

/** Uniform numbers in [low, high), in float32 arithmetic: bit for bit what `uniform` gives on a device. */
export function hostUniform(generator: Generator, n: number, low = 0, high = 1): Float32Array {
  const bits = hostRandomBits(generator, n);
  const [width, least] = [f(high - low), f(low)];
  // In the same memory and in a plain loop: `from` takes twenty times as long, a third of a small network's first step.
  const out = new Float32Array(bits.buffer);
  for (let i = 0; i < n; i++) out[i] = f(f((bits[i] >>> 8) * 2 ** -24 * width) + least);
  return out;
}

/** Normal numbers by Box and Muller, from the bits that `normal` uses; float64 arithmetic, rounded at the end. */
export function hostNormal(generator: Generator, n: number, mean = 0, std = 1): Float32Array {
  const radius = hostUniform(generator, n);
  const angle = hostUniform(generator, n);
  return radius.map(
    (u, i) => Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * angle[i]) * std + mean,
  );
}

/** 0 … n − 1 in random order (Fisher and Yates); uses n − 1 counters. */
export function hostPermutation(generator: Generator, n: number): Int32Array {
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  const bits = hostRandomBits(generator, Math.max(0, n - 1));
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor((bits[i - 1] / 4294967296) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
