/** Whether peers computed the same: each result against the median of all, number by number, so that one wrong peer is outvoted. */

function medianOf(values: number[]): number {
  values.sort((a, b) => a - b);
  const middle = values.length >> 1;
  return values.length % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/**
 * For each peer the largest difference from the median result, divided by the largest magnitude in that. NaN, and
 * results of another length than most have, are infinitely far off. With two peers both get half their difference
 * from each other.
 */
function arrayDifferences(results: ReadonlyMap<string, Float32Array>): Map<string, number> {
  const all = [...results.values()];
  const length = medianOf(all.map((r) => r.length));
  const usable = all.filter((r) => r.length === length);
  const consensus = new Float64Array(length);
  let magnitude = 0;
  for (let i = 0; i < length; i++) {
    consensus[i] = medianOf(usable.map((r) => r[i]));
    magnitude = Math.max(magnitude, Math.abs(consensus[i]));
  }
  const differenceOf = (result: Float32Array): number => {
    if (result.length !== length) return Number.POSITIVE_INFINITY;
    let largest = 0;
    for (let i = 0; i < length; i++) {
      const difference = Math.abs(result[i] - consensus[i]);
      if (!(difference <= largest))
        largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    }
    return largest / (magnitude || 1);
  };
  return new Map([...results].map(([peer, result]) => [peer, differenceOf(result)]));
}

/** For each peer the largest difference in any of its arrays; another number of arrays than most have is infinitely far off. */
export function differences(results: ReadonlyMap<string, readonly Float32Array[]>): Map<string, number> {
  const count = medianOf([...results.values()].map((arrays) => arrays.length));
  const off = new Map([...results.keys()].map((peer) => [peer, Number.POSITIVE_INFINITY]));
  const usable = [...results].filter(([, arrays]) => arrays.length === count);
  for (const [peer] of usable) off.set(peer, 0);
  for (let i = 0; i < count; i++) {
    const array = arrayDifferences(new Map(usable.map(([peer, arrays]) => [peer, arrays[i]])));
    for (const [peer, difference] of array) off.set(peer, Math.max(off.get(peer)!, difference));
  }
  return off;
}

/** Whether two results have the same bits. */
export function sameBits(a: readonly Float32Array[], b: readonly Float32Array[]): boolean {
  const bitsOf = ({ buffer, byteOffset, length }: Float32Array) => new Int32Array(buffer, byteOffset, length);
  return (
    a.length === b.length &&
    a.every((array, i) => {
      if (array.length !== b[i].length) return false;
      const [own, other] = [bitsOf(array), bitsOf(b[i])];
      return own.every((bits, at) => bits === other[at]);
    })
  );
}
