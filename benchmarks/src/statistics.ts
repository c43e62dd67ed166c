/** The numbers that a list of times becomes. */

/** The quantile q of sorted numbers, with linear interpolation. */
function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  const high = Math.ceil(at);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

export interface Summary {
  readonly lowerQuartile: number;
  readonly median: number;
  /** Distance of the quartiles, divided by the median. */
  readonly spread: number;
}

export function summarize(times: readonly number[]): Summary {
  const sorted = [...times].sort((a, b) => a - b);
  const median = quantile(sorted, 0.5);
  const lowerQuartile = quantile(sorted, 0.25);
  return { lowerQuartile, median, spread: (quantile(sorted, 0.75) - lowerQuartile) / median };
}
