/**
 * What kernels of attention do with blocks: a workgroup has a block of rows, and goes over blocks of columns. An invocation holds four by
 * four numbers of a product of rows and columns, and four rows of what it adds up.
 */
import type { ModuleScope } from '../expressions.js';
import { indent } from '../nest.js';
import { begin, columnsFunction, type Operand, rowsFunction, storeElement } from './operand.js';

/** Columns of a block: queries' keys, or keys' queries. */
export const COLUMNS = 32;
/** Fours of columns, which are the invocations of a row. */
export const ACROSS = COLUMNS / 4;

export interface BlockShape {
  /** Rows of a block. */
  readonly rows: number;
  /** Terms of a product that are in workgroup memory at a time. */
  readonly depth: number;
}

/** Invocations of a workgroup. */
export const groupOf = ({ rows }: BlockShape): number => (rows / 4) * ACROSS;

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
export const ROWS_HELD = range(4);
export const COMPONENTS = ['x', 'y', 'z', 'w'] as const;

/** Vectors from one term of a product to the next: one more than there are, for the sake of the memory's banks. */
const pitchOf = (rows: number): number => rows / 4 + 1;

/** Vectors in the workgroup memory `tile`, which operands go through, and in `weights`, a product that is a factor of another. */
const tileSize = ({ rows, depth }: BlockShape): number => depth * (pitchOf(rows) + pitchOf(COLUMNS));
const weightsSize = ({ rows }: BlockShape): number => COLUMNS * pitchOf(rows);

/** Rows of a block that are enough, and workgroups that keep a device busy. */
const MANY_ROWS = 64;
const ENOUGH = 64;

/** The largest block that the rows fill, the device has memory for, and that leaves workgroups enough. */
export function chooseBlock(
  rows: number,
  batches: number,
  widths: readonly number[],
  storage: number,
): BlockShape {
  const isLarge = rows > MANY_ROWS / 2 && batches * Math.ceil(rows / MANY_ROWS) >= ENOUGH;
  const count = isLarge ? MANY_ROWS : MANY_ROWS / 2;
  const deep = { rows: count, depth: 32 };
  const fits = (tileSize(deep) + weightsSize(deep)) * 16 <= storage;
  return fits && Math.max(...widths) > 16 ? deep : { rows: count, depth: 16 };
}

export function declareMemory(shape: BlockShape, { helpers }: ModuleScope): void {
  helpers.define('tile', () => `var<workgroup> tile: array<vec4<f32>, ${tileSize(shape)}>;`);
  helpers.define('weights', () => `var<workgroup> weights: array<vec4<f32>, ${weightsSize(shape)}>;`);
}

/** Sums `name0` … `name3`, four columns in each of four rows: rows from `row` of one operand times rows from `column` of another. */
export function multiply(
  name: string,
  lhs: Operand,
  row: string,
  rhs: Operand,
  column: string,
  shape: BlockShape,
  scope: ModuleScope,
): string[] {
  const { rows, depth } = shape;
  const isGuarded = lhs.columns % depth !== 0;
  const [left, right] = [rowsFunction(lhs, isGuarded, scope), rowsFunction(rhs, isGuarded, scope)];
  const [down, across] = [pitchOf(rows), pitchOf(COLUMNS)];
  const split = depth * down;
  const fill = (fours: number, place: string, value: string) => [
    `for (var slot = local; slot < ${fours * depth}; slot += ${groupOf(shape)}) {`,
    `  let term = slot % ${depth};`,
    `  let four = slot / ${depth};`,
    `  tile[${place}] = ${value};`,
    '}',
  ];
  return [
    ...ROWS_HELD.map((i) => `var ${name}${i} = vec4<f32>();`),
    `for (var begin = 0; begin < ${lhs.columns}; begin += ${depth}) {`,
    ...indent([
      ...fill(rows / 4, `term * ${down} + four`, `${left}(${lhs.name}, ${row} + four * 4, begin + term)`),
      ...fill(
        ACROSS,
        `${split} + term * ${across} + four`,
        `${right}(${rhs.name}, ${column} + four * 4, begin + term)`,
      ),
      'workgroupBarrier();',
      `for (var term = 0; term < ${depth}; term++) {`,
      `  let l = tile[term * ${down} + held.x];`,
      `  let r = tile[${split} + term * ${across} + held.y];`,
      ...ROWS_HELD.map((i) => `  ${name}${i} += l.${COMPONENTS[i]} * r;`),
      '}',
      'workgroupBarrier();',
    ]),
    '}',
  ];
}

/** Puts a block of numbers, given for four rows, where `accumulate` finds them. */
export const putWeights = (name: string, { rows }: BlockShape): string[] =>
  ROWS_HELD.map((c) => {
    const values = ROWS_HELD.map((i) => `${name}${i}.${COMPONENTS[c]}`);
    return `weights[(held.y * 4 + ${c}) * ${pitchOf(rows)} + held.x] = vec4<f32>(${values.join(', ')});`;
  });

/** Fours of columns of a matrix that an invocation holds, one every `ACROSS`. */
const foursOf = ({ columns }: Operand): number[] => range(Math.ceil(columns / COLUMNS));

/** Names of the sums over an operand's columns. */
const sumsOf = (name: string, o: Operand): string[][] =>
  ROWS_HELD.map((i) => foursOf(o).map((j) => `${name}${i}_${j}`));

export const declareSums = (name: string, o: Operand): string[] =>
  sumsOf(name, o)
    .flat()
    .map((sum) => `var ${sum} = vec4<f32>();`);

/** Multiplies all sums of a row by a component of a vector. */
export const scaleSums = (name: string, o: Operand, factor: string): string[] =>
  sumsOf(name, o).flatMap((row, i) => row.map((sum) => `${sum} *= ${factor}.${COMPONENTS[i]};`));

/** Adds weights × rows from `row` of an operand to its sums. */
export function accumulate(
  name: string,
  o: Operand,
  row: string,
  shape: BlockShape,
  scope: ModuleScope,
): string[] {
  const fours = foursOf(o).length * ACROSS;
  const lines = 2 ** Math.floor(Math.log2(Math.min(COLUMNS, tileSize(shape) / fours)));
  const fetch = columnsFunction(o, scope);
  return [
    `for (var begin = 0; begin < ${COLUMNS}; begin += ${lines}) {`,
    ...indent([
      `for (var slot = local; slot < ${lines * fours}; slot += ${groupOf(shape)}) {`,
      `  tile[slot] = ${fetch}(${o.name}, ${row} + begin + slot / ${fours}, slot % ${fours} * 4);`,
      '}',
      'workgroupBarrier();',
      `for (var line = 0; line < ${lines}; line++) {`,
      `  let w = weights[(begin + line) * ${pitchOf(shape.rows)} + held.x];`,
      ...foursOf(o).flatMap((j) => [
        `  let r${j} = tile[line * ${fours} + held.y${j ? ` + ${j * ACROSS}` : ''}];`,
        ...ROWS_HELD.map((i) => `  ${name}${i}_${j} += w.${COMPONENTS[i]} * r${j};`),
      ]),
      '}',
      'workgroupBarrier();',
    ]),
    '}',
  ];
}

/** Stores the sums in an operand's rows, those that there are from `row` on. */
export function storeSums(name: string, o: Operand, row: string, scope: ModuleScope): string[] {
  const rows = sumsOf(name, o).flatMap((sums, i) => [
    `if (${row} + ${i} < ${o.rows}) {`,
    ...sums.flatMap((sum, j) =>
      indent([
        'for (var c = 0; c < 4; c++) {',
        `  let column = (held.y + ${j * ACROSS}) * 4 + c;`,
        `  if (column < ${o.columns}) { ${storeElement(o, `(${row} + ${i})`, 'column', `${sum}[c]`, scope)} }`,
        '}',
      ]),
    ),
    '}',
  ]);
  return ['{', ...indent([begin(o), ...rows]), '}'];
}
