/** Sides of a product. */
import type { BufferArg } from '@neurite/tensor';
import { addressOf, type Walk } from './positions.js';
import { hasVectors } from './vectors.js';

/** One side of a product, as texts over vectors of four rows. */
export interface Operand {
  readonly side: 'lhs' | 'rhs';
  readonly rows: number;
  /** The kernel's buffer that holds it. */
  readonly buffer: number;
  /** Whether elements with neighbouring k, rather than neighbouring rows, are neighbours in memory. */
  readonly isKFastest: boolean;
  /** Along what one load brings four neighbours; the buffer is declared as vectors then. */
  readonly vector: 'k' | 'row' | null;
  /** What is known of `rows: vec4<i32>` of product `batch`: statements, and the vec4<i32>s among them that the others need. */
  readonly ofRows: { readonly lines: readonly string[]; readonly names: readonly string[] };
  /** What is known of `k: i32`, for all rows. */
  readonly ofK: readonly string[];
  /** With these: statements, each row's index at `k` (vec4<i32>), and where there is an element rather than 0 (vec4<bool>). */
  readonly at: {
    readonly lines: readonly string[];
    readonly index: string;
    readonly guard: string | null;
  };
}

/** An operand whose index is a sum of what batch, row and k give. */
export interface AffineSide extends Pick<Operand, 'side' | 'rows' | 'buffer'> {
  readonly offset: number;
  readonly batch: Walk;
  readonly row: Walk;
  readonly k: Walk;
}

export function affineOperand(view: AffineSide, buffers: readonly BufferArg[]): Operand {
  const { side, rows, buffer, offset, batch, row, k } = view;
  const vector = hasVectors(buffers[buffer]) ? vectorOf(view) : null;
  const start = addressOf(offset, 'batch', batch);
  const along = addressOf(0, 'rows', row);
  const at = along === '0' ? `vec4<i32>(${start})` : start === '0' ? along : `${along} + (${start})`;
  return {
    side,
    rows,
    buffer,
    isKFastest: vector ? vector === 'k' : runOf(k) > runOf(row),
    vector,
    ofRows: { lines: [`let at = ${at};`], names: ['at'] },
    ofK: [`let along = ${addressOf(0, 'k', k)};`],
    at: { lines: [], index: 'at + along', guard: null },
  };
}

/** How many elements lie next to each other. */
export const runOf = ({ sizes, strides }: Walk): number => (strides.at(-1) === 1 ? sizes.at(-1)! : 1);

function vectorOf({ offset, batch, row, k }: AffineSide): Operand['vector'] {
  const isAligned = (along: Walk, across: Walk) =>
    runOf(along) > 1 &&
    [along.sizes.at(-1)!, offset, ...along.strides.slice(0, -1), ...across.strides, ...batch.strides].every(
      (n) => n % 4 === 0,
    );
  if (isAligned(k, row)) return 'k';
  return isAligned(row, k) ? 'row' : null;
}
