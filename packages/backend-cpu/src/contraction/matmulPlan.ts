/** How a matrix product is cut into blocks, and who packs its operands. */
import type { MatmulContraction } from '@neurite/tensor';
import { columnsOf, type Element, ROWS } from './microKernel.js';
import { MIN_UNITS, roundUp, wantedUnits } from './program.js';

/** One operand: its rows (or columns) and k. Strides are in elements. */
export interface Side {
  readonly buffer: number;
  readonly offset: number;
  readonly batch: readonly number[];
  readonly across: number;
  readonly along: number;
  /** Rows or columns, and filled up to whole panels. */
  readonly size: number;
  readonly padded: number;
  /** Rows or columns of a panel, those that are packed at a time, and how often that is. */
  readonly width: number;
  readonly group: number;
  readonly groups: number;
  /** Where its panels begin in shared memory. */
  readonly shared: number;
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
  readonly sides: readonly [Side, Side];
  /** Whether a part of its own packs both operands for all units. */
  readonly packed: boolean;
  readonly sharedBytes: number;
}

/** Largest blocks, measured: strips of A (m·k) stay in the second-level cache, a panel of B in the first. */
const BLOCK = { m: 128, n: 512, k: 384 } as const;
/** Panels of B that are packed at a time: they stay in the second-level cache. */
const GROUP_PANELS = 8;
/** Most bytes of packed operands; units of larger products pack for themselves, which they hardly feel. */
const MAX_SHARED = 64 * 1024 * 1024;

/** Equal parts of `total`, each a multiple of `multiple`. */
const evenBlock = (total: number, parts: number, multiple: number): number =>
  roundUp(Math.ceil(total / parts), multiple);

/** Blocks of C: equal, and (where it is large enough) at least `units` of them. */
function cutBlocks(m: number, n: number, width: number, units: number): { m: number; n: number } {
  const parts = { m: Math.ceil(m / BLOCK.m), n: Math.ceil(n / BLOCK.n) };
  const block = () => ({ m: evenBlock(m, parts.m, ROWS), n: evenBlock(n, parts.n, width) });
  while (parts.m * parts.n < units) {
    const now = block();
    if (now.m === ROWS && now.n === width) break;
    if (now.n === width || (now.m > now.n / 2 && now.m > ROWS)) parts.m *= 2;
    else parts.n *= 2;
  }
  return block();
}

/** Plans a product of at least one element. */
export function planMatmul(contraction: MatmulContraction, element: Element): MatmulPlan {
  const { m, n, k, lhs, rhs } = contraction;
  const { bytes } = element;
  const width = columnsOf(element);
  const entries = contraction.batch.reduce((product, size) => product * size, 1);
  const units = wantedUnits(entries * m * n * k);
  const stretches = Math.ceil(k / BLOCK.k);
  const block = { ...cutBlocks(m, n, width, units / entries), k: evenBlock(k, stretches, 4) };
  const count = { m: Math.ceil(m / block.m), n: Math.ceil(n / block.n) };
  const sideOf = (
    { buffer, offset, strides }: typeof lhs | typeof rhs,
    across: number,
    size: number,
    panel: number,
    shared: number,
  ): Side => {
    const padded = roundUp(size, panel);
    const group = GROUP_PANELS * panel;
    return {
      ...{ buffer, offset, batch: strides.batch, across, along: strides.k },
      ...{ size, padded, width: panel, group, groups: Math.ceil(size / group), shared },
    };
  };
  const a = sideOf(lhs, lhs.strides.m, m, ROWS, 0);
  const b = sideOf(rhs, rhs.strides.n, n, width, entries * a.padded * k * bytes);
  const sharedBytes = b.shared + entries * b.padded * k * bytes;
  const packed = entries < MIN_UNITS && count.m * count.n > 1 && sharedBytes <= MAX_SHARED;
  return {
    ...{ contraction, element, entries, block, count, packed },
    stretches: Math.ceil(k / block.k),
    sides: [a, b],
    sharedBytes: packed ? sharedBytes : 0,
  };
}
