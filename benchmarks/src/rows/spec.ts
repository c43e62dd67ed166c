/** What a row is, as data: sizes, inputs, the least work there is in it. How a peer computes it is the peer's own file. */

/** How numbers are drawn: normal times `scale`, uniform in ±`scale` or from 0 to `scale`, whole numbers below `scale`. */
export interface InputSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly draw: 'normal' | 'uniform' | 'positive' | 'labels';
  readonly scale: number;
}

/**
 * What bounds a row on an ideal machine, and so what `share` is a share of: multiplications and additions, or bytes
 * of distinct arrays that must be read and written once.
 */
export type Work =
  | { readonly kind: 'flops'; readonly flops: number }
  | { readonly kind: 'bytes'; readonly reads: number; readonly writes: number };

/** How often a process measures: again and again, or once, its first step or all from importing the library on. */
export type Timing = 'warm' | 'first step' | 'import';

export interface RowSpec {
  /** Shapes as the table shows them. */
  readonly shapes: string;
  readonly dtype: 'f32';
  readonly inputs: readonly InputSpec[];
  /**
   * Largest difference between two peers' results, divided by the largest magnitude in the result, at which they
   * agree: float32 sums in another order differ by about √n · 6e-8 of their terms' size.
   */
  readonly tolerance: number;
  /** Null where overheads are what is measured. */
  readonly work: Work | null;
  readonly timing: Timing;
}

export const flops = (count: number): Work => ({ kind: 'flops', flops: count });

/** Bytes of so many float32 numbers read and written. */
export const traffic = (reads: number, writes: number): Work => ({
  kind: 'bytes',
  reads: reads * 4,
  writes: writes * 4,
});

/** A row whose calls are timed again and again. */
export const warm = (
  shapes: string,
  work: Work | null,
  inputs: readonly InputSpec[],
  tolerance = 1e-5,
): RowSpec => ({
  shapes,
  dtype: 'f32',
  inputs,
  tolerance,
  work,
  timing: 'warm',
});

export const normal = (name: string, shape: readonly number[], scale = 1): InputSpec => ({
  name,
  shape,
  draw: 'normal',
  scale,
});

export const uniform = (name: string, shape: readonly number[], scale: number): InputSpec => ({
  name,
  shape,
  draw: 'uniform',
  scale,
});

/** From 0 to 1: the sum of numbers around 0 is near 0 and says nothing about the error. */
export const positive = (name: string, shape: readonly number[]): InputSpec => ({
  name,
  shape,
  draw: 'positive',
  scale: 1,
});

export const labels = (name: string, shape: readonly number[], classes: number): InputSpec => ({
  name,
  shape,
  draw: 'labels',
  scale: classes,
});

/** Weight and bias in PyTorch's layout and default range, ±1/√fanIn. */
export function layer(name: string, weight: readonly number[]): InputSpec[] {
  const scale = 1 / Math.sqrt(weight.slice(1).reduce((a, b) => a * b));
  return [uniform(`${name}.weight`, weight, scale), uniform(`${name}.bias`, [weight[0]], scale)];
}
