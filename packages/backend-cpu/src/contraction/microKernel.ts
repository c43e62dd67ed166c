/**
 * The inner product of packed panels: C (a tile of 4 rows × 2 vectors, or another that fits narrow matrices) ← [C +] A·B, all
 * operands in registers.
 *
 * Panels have an element for each row (A) or column (B) of the tile for each k, one after another. Unrolling over k makes V8 spill.
 */
import type { FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';

/** What differs between float32 and float64. */
export interface Element {
  readonly bytes: 4 | 8;
  readonly lanes: 4 | 2;
  readonly shape: 'f32x4' | 'f64x2';
  readonly splat: 'v128.load32_splat' | 'v128.load64_splat';
}

export const FLOAT32: Element = { bytes: 4, lanes: 4, shape: 'f32x4', splat: 'v128.load32_splat' };
export const FLOAT64: Element = { bytes: 8, lanes: 2, shape: 'f64x2', splat: 'v128.load64_splat' };

/** Rows and vectors of C that a kernel computes. */
export interface Tile {
  readonly rows: number;
  readonly vectors: number;
}

/** Rows of C that the kernel computes as a rule; the width of A's panels. */
export const ROWS = 4;
const TILE: Tile = { rows: ROWS, vectors: 2 };
/** Columns of C that a kernel computes; the width of B's panels. */
export const columnsOf = (element: Element, { vectors }: Tile = TILE): number => vectors * element.lanes;

/**
 * The tile for products with n columns. Measured in Node 20, as shares of what 4 × 2 reaches: 6 × 1 75 %, 3 × 2 75 %, 2 × 4 95 %,
 * 4 × 1 and 8 × 1 below 50 % (too few sums hide no latency; more than six factors are spilled).
 */
export const tileFor = ({ lanes }: Element, n: number): Tile => (n <= lanes ? { rows: 6, vectors: 1 } : TILE);

/** Bytes between neighbours of A: rows, and along k. */
export interface FactorStrides {
  readonly across: number;
  readonly along: number;
}

/**
 * `(a, b, k, c, rowBytes, add)`: addresses of two panels, their length k ≥ 1, address of C and bytes between its rows;
 * `add` ≠ 0 adds to what C holds. With `strides` (across ≥ 0, along ≠ 0), A is no panel but read where it is.
 */
export function microKernel(
  module: ModuleBuilder,
  element: Element,
  tile: Tile = TILE,
  strides: FactorStrides = { across: element.bytes, along: tile.rows * element.bytes },
): FunctionBuilder {
  const { bytes, shape, splat } = element;
  const name = `micro.${[shape, tile.rows, tile.vectors, strides.across, strides.along].join('.')}`;
  return module.helper(name, ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], [], (f) => {
    const [a, b, k, c, rowBytes, add] = [0, 1, 2, 3, 4, 5];
    const end = f.local('i32');
    const columns = Array.from({ length: tile.vectors }, () => f.local('v128'));
    const factor = f.local('v128');
    const sums = Array.from({ length: tile.rows }, () => columns.map(() => f.local('v128')));
    f.get(a);
    f.get(k);
    f.i32(strides.along);
    f.op('i32.mul');
    f.op('i32.add');
    f.set(end);
    const next = f.loop();
    columns.forEach((column, j) => {
      f.get(b);
      f.memory('v128.load', 16 * j);
      f.set(column);
    });
    sums.forEach((pair, i) => {
      f.get(a);
      f.memory(splat, strides.across * i, bytes);
      f.set(factor);
      pair.forEach((sum, j) => {
        f.get(sum);
        f.get(factor);
        f.get(columns[j]!);
        f.op(`${shape}.mul`);
        f.op(`${shape}.add`);
        f.set(sum);
      });
    });
    f.get(b);
    f.i32(16 * tile.vectors);
    f.op('i32.add');
    f.set(b);
    f.get(a);
    f.i32(strides.along);
    f.op('i32.add');
    f.tee(a);
    f.get(end);
    f.op('i32.ne');
    f.brIf(next);
    f.end();
    storeSums(f, shape, sums, { c, rowBytes, add });
  });
}

/** Parameters of a function that makes sums. */
export interface SumsTarget {
  readonly c: number;
  readonly rowBytes: number;
  readonly add: number;
}

/** Writes the rows of vectors in `sums` to C, after adding what it holds where `add` is not 0. */
export function storeSums(
  f: FunctionBuilder,
  shape: Element['shape'],
  sums: readonly (readonly number[])[],
  { c, rowBytes, add }: SumsTarget,
): void {
  const row = f.local('i32');
  const overRows = (visit: (sums: readonly number[]) => void) => {
    f.get(c);
    f.set(row);
    sums.forEach((s, i) => {
      visit(s);
      if (i === sums.length - 1) return;
      f.get(row);
      f.get(rowBytes);
      f.op('i32.add');
      f.set(row);
    });
  };
  // What C holds is added last: short partial sums from zero round better than one long chain.
  f.get(add);
  f.if_();
  overRows((vectors) =>
    vectors.forEach((sum, j) => {
      f.get(row);
      f.memory('v128.load', 16 * j, 4);
      f.get(sum);
      f.op(`${shape}.add`);
      f.set(sum);
    }),
  );
  f.end();
  overRows((vectors) =>
    vectors.forEach((sum, j) => {
      f.get(row);
      f.get(sum);
      f.memory('v128.store', 16 * j, 4);
    }),
  );
}
