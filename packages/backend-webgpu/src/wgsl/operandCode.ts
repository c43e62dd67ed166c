/** How tiles of an operand come from its buffer into workgroup memory. */

import type { ModuleScope } from './expressions.js';
import { indent } from './nest.js';
import type { Operand } from './operand.js';
import type { TileShape } from './tileShapes.js';
import { isVectorBuffer } from './vectors.js';

/** Numbers along k that are in workgroup memory at once. */
export const DEPTH = 16;
const QUARTER = DEPTH / 4;

/**
 * Where things are in an operand's tile: vectors of four rows, `fours` of them for each k. An invocation brings blocks of four rows at
 * four k.
 */
export interface TileLayout {
  readonly memory: string;
  readonly fours: number;
  readonly blocks: number;
  /** Statements that define `four` and `quarter` (which rows and k) of a block. */
  place(block: string): string[];
  /** The rows of a four, counted from the tile's first. */
  rowsOf(four: string): string;
  /** The distance of a four's rows. */
  readonly rowStep: number;
  /** The first k of a quarter, and the distance of its four. */
  kOf(quarter: string): string;
  readonly kStep: number;
  /** The vector of a four at k; `quarter` is the k's own. */
  vector(k: string, four: string, quarter: string): string;
  /** The quarter of a k. */
  quarterOf(k: string): string;
}

export function tileLayout(
  { side, isKFastest, vector }: Operand,
  { slices, ...tile }: TileShape,
): TileLayout {
  const fours = (side === 'lhs' ? tile.rows : tile.columns) / 4;
  // Rows that no vector holds together lie far apart: so neighbouring invocations load, and store, neighbouring elements.
  const rowStep = vector === 'row' ? 1 : fours;
  const kStep = isKFastest && vector !== 'k' ? QUARTER : 1;
  // Invocations that bring one four at different quarters write to different banks of workgroup memory.
  const isMixed = isKFastest && fours >= 8;
  return {
    memory: `tile_${side}`,
    fours,
    blocks: fours * QUARTER,
    place: (block) =>
      isKFastest
        ? [`let four = ${block} / ${QUARTER};`, `let quarter = ${block} % ${QUARTER};`]
        : [`let four = ${block} % ${fours};`, `let quarter = ${block} / ${fours};`],
    rowsOf: (four) =>
      rowStep === 1
        ? `${four} * 4 + vec4<i32>(0, 1, 2, 3)`
        : `${four} + vec4<i32>(0, ${[1, 2, 3].map((i) => i * rowStep).join(', ')})`,
    rowStep,
    kOf: (quarter) => (kStep === 1 ? `${quarter} * 4` : quarter),
    kStep,
    vector: (k, four, quarter) => {
      const place = `${k} * ${fours} + ${isMixed ? `(${four} ^ (${quarter} * 2))` : four}`;
      return `tile_${side}[${slices > 1 ? `slice * ${fours * DEPTH} + ` : ''}${place}]`;
    },
    quarterOf: (k) => (kStep === 1 ? `(${k} / 4)` : `(${k} % ${QUARTER})`),
  };
}

const capitalized = (word: string): string => word[0].toUpperCase() + word.slice(1);

/** Names of the functions that `defineOperand` takes into the module. */
export const operandNames = ({ side }: Pick<Operand, 'side'>) => ({
  rows: `${capitalized(side)}Rows`,
  rowsOf: `rows_of_${side}`,
  fetch: `fetch_${side}`,
});

/**
 * Defines what is known of four rows as a struct, the function that makes it, and `fetch_…(rows, k)`: a matrix whose columns are the four
 * rows' numbers at four k from `k` on, `kStep` apart; 0 beyond the last of `k` ones. `asked`: how many are asked for.
 */
export function defineOperand(
  operand: Operand,
  kStep: number,
  k: number,
  asked: number,
  scope: ModuleScope,
): void {
  const { side, vector, ofRows, ofK, at, buffer } = operand;
  const { helpers, buffers } = scope;
  const names = operandNames(operand);
  const source = buffers[buffer];
  const beyond = (zero: string) => (asked > k ? [`if (k >= ${k}) { return ${zero}; }`] : []);
  const start = [
    ...ofRows.names.map((name) => `let ${name} = rows.${name};`),
    ...ofK,
    ...at.lines,
    `let i = ${at.index};`,
  ];
  const define = (name: string, head: string, lines: readonly string[]) =>
    helpers.define(name, () => [`${head} {`, ...indent(lines), '}'].join('\n'));
  define(
    names.rows,
    `struct ${names.rows}`,
    ofRows.names.map((name) => `${name}: vec4<i32>,`),
  );
  define(names.rowsOf, `fn ${names.rowsOf}(rows: vec4<i32>, batch: i32) -> ${names.rows}`, [
    ...ofRows.lines,
    `return ${names.rows}(${ofRows.names.join(', ')});`,
  ]);
  const parameters = `(rows: ${names.rows}, k: i32)`;
  const each = (load: (index: string) => string) => ['i.x', 'i.y', 'i.z', 'i.w'].map(load).join(', ');
  if (vector === 'k' && isVectorBuffer(source)) {
    define(names.fetch, `fn ${names.fetch}${parameters} -> mat4x4<f32>`, [
      ...beyond('mat4x4<f32>()'),
      ...start,
      `return transpose(mat4x4<f32>(${each(source.loadFour)}));`,
    ]);
    return;
  }
  const values =
    vector === 'row' && isVectorBuffer(source)
      ? source.loadFour('i.x')
      : `vec4<f32>(${each((index) => source.loadWide(index, null))})`;
  const column = define(`column_of_${side}`, `fn column_of_${side}${parameters} -> vec4<f32>`, [
    ...beyond('vec4<f32>()'),
    ...start,
    `return ${at.guard ? `select(vec4<f32>(), ${values}, ${at.guard})` : values};`,
  ]);
  const columns = [0, 1, 2, 3].map((j) => `${column}(rows, k${j ? ` + ${j * kStep}` : ''})`);
  define(names.fetch, `fn ${names.fetch}${parameters} -> mat4x4<f32>`, [
    `return mat4x4<f32>(${columns.join(', ')});`,
  ]);
}
