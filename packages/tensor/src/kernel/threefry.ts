/**
 * Threefry-2x32 with 20 rounds: the generator behind `randomBits`. A draw is a function of a key and a counter, so that
 * fusion, threads and recomputation cannot change it.
 *
 * J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw: "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
 */

/** The rotation distances of the eight rounds that repeat. */
export const THREEFRY_ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** Skein's key-schedule parity constant, low word. */
export const THREEFRY_PARITY = 0x1bd11bda;

/** Both output words for the key (`key0`, `key1`) and the counter (`counter0`, `counter1`), all uint32. */
export function threefry2x32(
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
): [number, number] {
  const keys = [key0, key1, THREEFRY_PARITY ^ key0 ^ key1];
  let x = (counter0 + key0) | 0;
  let y = (counter1 + key1) | 0;
  for (let round = 0; round < 20; round++) {
    const distance = THREEFRY_ROTATIONS[round % 8];
    x = (x + y) | 0;
    y = ((y << distance) | (y >>> (32 - distance))) ^ x;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x = (x + keys[injection % 3]) | 0;
      y = (y + keys[(injection + 1) % 3] + injection) | 0;
    }
  }
  return [x >>> 0, y >>> 0];
}

/**
 * Fills `out` with first words: `out[i]` belongs to the 64-bit counter (`counterLow`, `counterHigh`) + i.
 * The same bits as `randomBits` gives on a device.
 */
export function threefryFill(
  out: Uint32Array,
  key0: number,
  key1: number,
  counterLow: number,
  counterHigh: number,
): void {
  const k0 = key0 | 0;
  const k1 = key1 | 0;
  const k2 = THREEFRY_PARITY ^ k0 ^ k1;
  for (let i = 0; i < out.length; i++) {
    const low = (counterLow >>> 0) + i;
    let x = (low + k0) | 0;
    let y = (counterHigh + (low > 4294967295 ? 1 : 0) + k1) | 0;
    // The keys that are added next, turned by one from group to group.
    let [a, b, c] = [k1, k2, k0];
    // Unrolled by key injection: this loop makes every initial weight and every shuffle.
    for (let group = 1; group <= 5; group++) {
      if (group & 1) {
        x = (x + y) | 0;
        y = ((y << 13) | (y >>> 19)) ^ x;
        x = (x + y) | 0;
        y = ((y << 15) | (y >>> 17)) ^ x;
        x = (x + y) | 0;
        y = ((y << 26) | (y >>> 6)) ^ x;
        x = (x + y) | 0;
        y = ((y << 6) | (y >>> 26)) ^ x;
      } else {
        x = (x + y) | 0;
        y = ((y << 17) | (y >>> 15)) ^ x;
        x = (x + y) | 0;
        y = ((y << 29) | (y >>> 3)) ^ x;
        x = (x + y) | 0;
        y = ((y << 16) | (y >>> 16)) ^ x;
        x = (x + y) | 0;
        y = ((y << 24) | (y >>> 8)) ^ x;
      }
      x = (x + a) | 0;
      y = (y + b + group) | 0;
      [a, b, c] = [b, c, a];
    }
    out[i] = x;
  }
}
