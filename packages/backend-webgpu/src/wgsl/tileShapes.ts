/** Which tiles a product is computed in. */
import type { Product } from './product.js';

/** What a workgroup computes: a tile of rows and columns, of which each invocation holds some fours by fours in registers. */
export interface TileShape {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Fours of rows and of columns that an invocation holds. */
  readonly held: readonly [rows: number, columns: number];
  /** Parts of the sums over k that invocations of the workgroup share: one, or four that each have tiles of their own. */
  readonly slices: 1 | 4;
  /** Whether there are registers for a second set of sums: long sums keep more digits so. */
  readonly inTerms: boolean;
  /** Products per second on a device that is kept busy, the largest tile's being 1: multiplications per load from workgroup memory. */
  readonly speed: number;
}

const SHAPES: readonly TileShape[] = [
  { name: 'large', rows: 128, columns: 128, held: [2, 2], slices: 1, inTerms: false, speed: 1 },
  { name: 'medium', rows: 64, columns: 64, held: [2, 1], slices: 1, inTerms: true, speed: 0.75 },
  { name: 'small', rows: 32, columns: 32, held: [1, 1], slices: 1, inTerms: true, speed: 0.5 },
  { name: 'deep', rows: 32, columns: 32, held: [1, 1], slices: 4, inTerms: true, speed: 0.5 },
  { name: 'wide', rows: 16, columns: 128, held: [1, 1], slices: 1, inTerms: true, speed: 0.45 },
  { name: 'tall', rows: 128, columns: 16, held: [1, 1], slices: 1, inTerms: true, speed: 0.45 },
  { name: 'flat', rows: 8, columns: 128, held: [1, 1], slices: 1, inTerms: true, speed: 0.4 },
  { name: 'slim', rows: 128, columns: 8, held: [1, 1], slices: 1, inTerms: true, speed: 0.4 },
];

/** Invocations that work on one slice. */
export const sliceGroupOf = ({ rows, columns, held: [down, across] }: TileShape): number =>
  (rows * columns) / (16 * down * across);

/** Invocations of a workgroup. */
export const groupOf = (shape: TileShape): number => sliceGroupOf(shape) * shape.slices;

/** Sums that are worth sharing. */
const LONG = 256;

/** Terms that parts of a sum should at least have where workgroups share it: each part costs as much memory as the result. */
export const LEAST_TERMS = 512;
/** Fewer parts are not worth a second dispatch. */
export const FEWEST_PARTS = 4;
/** What is left of the speed with parts to be added. */
const SHARED = 0.9;

/** So many workgroups keep a device busy. */
export const ENOUGH = 64;

export const tilesOf = ({ lhs, rhs, batch }: Product, { rows, columns }: TileShape): number =>
  Math.ceil(lhs.rows / rows) * Math.ceil(rhs.rows / columns) * batch;

/**
 * The shape that computes most per second: few numbers that nobody wants, many multiplications per load, work for all of the device.
 * `canSplit`: whether workgroups may share sums.
 */
export function chooseTile(product: Product, canSplit: boolean): TileShape {
  const most = canSplit ? Math.floor(product.k / LEAST_TERMS) : 1;
  const score = (shape: TileShape) => {
    if (shape.slices > 1 && product.k < LONG) return 0;
    const tiles = tilesOf(product, shape);
    const used = (product.lhs.rows * product.rhs.rows * product.batch) / (tiles * shape.rows * shape.columns);
    const busy = Math.min(1, (tiles * shape.slices) / ENOUGH);
    const parts = Math.min(most, Math.floor(ENOUGH / tiles));
    const shared = parts < FEWEST_PARTS ? 0 : Math.min(1, busy * parts) * SHARED;
    return used * shape.speed * Math.max(busy, shared);
  };
  return SHAPES.reduce((best, shape) => (score(shape) > score(best) ? shape : best));
}
