/** What is measured: every row that peers compute, by name. */
import { KERNEL_ROWS } from './rows/kernels.js';
import type { Work } from './rows/spec.js';
import { START_ROWS } from './rows/start.js';
import { TRAINING_ROWS } from './rows/training.js';

export const ROWS = { ...KERNEL_ROWS, ...TRAINING_ROWS, ...START_ROWS } as const;

export type RowName = keyof typeof ROWS;

export const ROW_NAMES = Object.keys(ROWS) as RowName[];

/** Rows whose steps are taken again and again. */
export const WARM_ROWS = ROW_NAMES.filter((row) => ROWS[row].timing === 'warm');

/** A row of sizes, which no peer computes. */
export const BUNDLE_ROW = 'bundle-size';

/** What the table says about a row. */
export function describeRow(row: string): {
  readonly shapes: string;
  readonly dtype: string;
  readonly work: Work | null;
} {
  if (row === BUNDLE_ROW)
    return { shapes: 'training an MLP with Adam: minified, gzipped', dtype: '–', work: null };
  return ROWS[row as RowName];
}
