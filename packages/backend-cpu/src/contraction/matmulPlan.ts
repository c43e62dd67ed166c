/** How a matrix product is cut into blocks, and who packs its operands. */
import type { MatmulContraction } from '@neurite/tensor';
import { columnsOf, type Element, type Tile, tileFor } from './microKernel.js';
import { evenBlock, MIN_UNITS, roundUp, wantedUnits } from './program.js';

/** Where an operand lies: strides between its rows (or columns) and along k, in elements. */
export interface Operand {
  readonly buffer: number;
  readonly offset: number;
  readonly batch: readonly number[];
  readonly across: number;
  readonly along: number;
}

/** One operand of a packed product. */
export interface Side extends Operand {
  /** Rows or columns, and filled up to whole panels. */
  readonly size: number;
  readonly padded: number;
  /** Rows or columns of a panel, those that are packed at a time, and how often that is. */
  readonly width: number;
  readonly group: number;
  readonly groups: number;
  /** Where its panels begin in shared memory; null where each unit packs those that it needs. */
  readonly shared: number | null;
}

export interface MatmulPlan {
  readonly contraction: MatmulContraction;
  readonly element: Element;
  /** Batch entries. */
  readonly entries: number;
  /** Block of C, and the stretch of k that is summed at a time. */
  readonly block: { readonly m: number; readonly n: number; readonly k: number };
  readonly count: { readonly m: number; readonly n: number };
  /** Stretches of k. */
  readonly stretches: number;
  readonly tile: Tile;
  /** Whether rows of lhs are read where they are, since there are few panels to multiply them by. */
  readonly direct: boolean;
  /** Rows of lhs and columns of rhs. */
  readonly sides: readonly [Side, Side];
  readonly sharedBytes: number;
}

/** Largest blocks, measured: strips of A (m·k) stay in the second-level cache, a panel of B in the first. */
const BLOCK = { m: 128, n: 512, k: 384 } as const;
/** Panels of B that are packed at a time: they stay in the second-level cache. */
const GROUP_PANELS = 8;
/** Panels that a block has at least, where rows can be cut instead. */
const MIN_PANELS = 4;
/** For so many panels, rows that lie along k need not be packed. */
const DIRECT_PANELS = 8;
/** Most bytes of packed operands; units of larger products pack for themselves, which they hardly feel. */
export const MAX_SHARED = 64 * 1024 * 1024;

/** Blocks of C: equal, and (where it is large enough) at least `units` of them. */
function cutBlocks(
  m: number,
  n: number,
  [rows, width]: readonly [number, number],
  units: number,
): { m: number; n: number } {
  const parts = { m: Math.ceil(m / BLOCK.m), n: Math.ceil(n / BLOCK.n) };
  const block = () => ({ m: evenBlock(m, parts.m, rows), n: evenBlock(n, parts.n, width) });
  while (parts.m * parts.n < units) {
    const now = block();
    if (now.m === rows && now.n === width) break;
    // A panel serves all rows of a block, so rows stay together as long as there are some panels.
    if (now.n === width || (now.n <= MIN_PANELS * width && now.m > rows)) parts.m *= 2;
    else parts.n *= 2;
  }
  return block();
}

/** Plans a product of at least one element. */
export function planMatmul(contraction: MatmulContraction, element: Element): MatmulPlan {
  const { m, n, k, lhs, rhs } = contraction;
  const tile = tileFor(element, n);
  const width = columnsOf(element, tile);
  const entries = contraction.batch.reduce((product, size) => product * size, 1);
  const units = wantedUnits(entries * m * n * k);
  const stretches = Math.ceil(k / BLOCK.k);
  const block = { ...cutBlocks(m, n, [tile.rows, width], units / entries), k: evenBlock(k, stretches, 4) };
  const count = { m: Math.ceil(m / block.m), n: Math.ceil(n / block.n) };
  const { m: across, k: along } = lhs.strides;
  const readable = across >= 0 && along !== 0;
  const few = along === 1 ? DIRECT_PANELS : 1;
  let sharedBytes = 0;
  const sideOf = (
    { buffer, offset, strides }: typeof lhs | typeof rhs,
    [across, size, panel]: readonly [number, number, number],
    users: number,
  ): Side => {
    const padded = roundUp(size, panel);
    const group = GROUP_PANELS * panel;
    const end = sharedBytes + entries * padded * k * element.bytes;
    const isShared = users > 1 && entries < MIN_UNITS && end <= MAX_SHARED;
    const shared = isShared ? sharedBytes : null;
    if (isShared) sharedBytes = end;
    return {
      ...{ buffer, offset, batch: strides.batch, across, along: strides.k },
      ...{ size, padded, width: panel, group, groups: Math.ceil(size / group), shared },
    };
  };
  const sides = [
    sideOf(lhs, [lhs.strides.m, m, tile.rows], count.n),
    sideOf(rhs, [rhs.strides.n, n, width], count.m),
  ] as const;
  const isDirect = readable && sides[0].shared === null && n <= few * width;
  return {
    ...{ contraction, element, entries, block, count, tile, sides, sharedBytes },
    direct: isDirect,
    stretches: Math.ceil(k / block.k),
  };
}
