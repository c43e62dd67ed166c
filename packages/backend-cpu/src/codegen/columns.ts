/**
 * Sums over rows whose columns lie side by side. Lanes that go down the rows, column by column, read a few cache lines of each row
 * and jump; where rows are pages apart that costs several times as much as reading row by row. So partial sums are kept in
 * memory, all columns of a piece of rows together, small enough for the nearest cache, and groups of rows are added to them.
 */
import {
  type Expr,
  type ExprBuilder,
  type Loop,
  type Phase,
  rewrite,
  type Store,
  visitExprs,
} from '@neurite/tensor';

/** Rows that are added up before their sum goes to memory, and how many loads they may have together, each with a register. */
const GROUPS = [8, 4, 2, 1];
const MAX_LOADS = 8;

/** The phases that add up a piece's rows: `place` is where the partial sums of `buffers` lie. */
export function addRows(
  b: ExprBuilder,
  lane: Loop,
  rows: readonly Loop[],
  values: readonly Expr[],
  buffers: readonly number[],
  place: Expr,
): Phase[] {
  const last = rows[rows.length - 1];
  let loads = 0;
  visitExprs(values, (e) => {
    if (e.kind === 'load') loads++;
  });
  const size = GROUPS.find((n) => last.size % n === 0 && (n === 1 || n * loads <= MAX_LOADS))!;
  const groups = last.size / size;
  const group: Loop = { variable: b.variable('group', groups), size: groups };
  const int = (value: number) => b.constant(value, 'int32');
  const atRow = (e: Expr, row: number): Expr => {
    const index = b.op('add', [b.op('mul', [group.variable, int(size)]), int(row)]);
    return rewrite(b, e, (x) => (x === last.variable ? index : undefined));
  };
  const together = (e: Expr, from: number, count: number): Expr =>
    count === 1
      ? atRow(e, from)
      : b.op('add', [together(e, from, count / 2), together(e, from + count / 2, count / 2)]);
  const phase = (loops: readonly Loop[], mode: Store['mode'], value: (e: Expr) => Expr): Phase => ({
    loops: [...loops, lane],
    ordered: false,
    reductions: [],
    stores: values.map((e, i) => ({ buffer: buffers[i], index: place, value: value(e), mode, guard: null })),
  });
  return [
    phase([], 'set', (e) => b.constant(0, e.dtype)),
    phase([...rows.slice(0, -1), group], 'add', (e) => together(e, 0, size)),
  ];
}
