/**
 * Products in tiles: a workgroup computes a tile of the result from tiles of the operands in workgroup memory, and each of its
 * invocations four by four numbers of it in registers. Every operand that can say what its element (row, k) is can be multiplied
 * so: matrices with any strides, and the patches of a convolution.
 */
import { isFloat, type Nest } from '@neurite/tensor';
import type { ModuleScope } from './expressions.js';
import { decode, indent, nameVariables, pointBody } from './nest.js';
import { sizeOf } from './strategy.js';

/** One side of a product. */
export interface Operand {
  readonly rows: number;
  /** Whether elements with neighbouring k, rather than neighbouring rows, are neighbours in memory. */
  readonly isKFastest: boolean;
  /** Statements that must come before `load` for a row and k (both i32 names), and the value there. */
  load(row: string, k: string): { readonly before: readonly string[]; readonly value: string };
}

export interface Product {
  readonly lhs: Operand;
  readonly rhs: Operand;
  readonly k: number;
  /** Products side by side; `batch` is the name of their number in the operands' texts. */
  readonly batch: number;
  /** The position in the nest's outer loops, in row-major order, of row `m` and column `n` of product `batch`. */
  position(m: string, n: string): string;
}

/** Numbers along one side of what an invocation holds. */
const HELD = 4;
/** Depth of a tile. */
const DEPTH = 16;
/** Partial sums hold at most so many terms: long sums keep more digits so. */
const TERMS = 64;

/** Rows and columns of a workgroup's tile, and its invocations. */
export interface TileShape {
  readonly size: 32 | 64;
  readonly group: 64 | 256;
}

const LARGE: TileShape = { size: 64, group: 256 };
const SMALL: TileShape = { size: 32, group: 64 };

/** So many workgroups keep a device busy. */
const ENOUGH = 64;

const tilesOf = ({ lhs, rhs, batch }: Product, size: number): number =>
  Math.ceil(lhs.rows / size) * Math.ceil(rhs.rows / size) * batch;

/** The tiles for a product; null where most of one would be empty. */
export function chooseTiles(product: Product): TileShape | null {
  if (Math.min(product.lhs.rows, product.rhs.rows) < 8) return null;
  return tilesOf(product, LARGE.size) >= ENOUGH ? LARGE : SMALL;
}

/** The function of a nest whose first phase is the product and whose others are its epilogue. */
export function tileFunction(
  name: string,
  nest: Nest,
  product: Product,
  { size, group }: TileShape,
  scope: ModuleScope,
): { readonly text: string; readonly workgroups: number } {
  const { lhs, rhs, k, batch } = product;
  const [down, across] = [Math.ceil(lhs.rows / size), Math.ceil(rhs.rows / size)];
  const vectors = (size * DEPTH) / 4;
  const [a, b] = ['lhs', 'rhs'].map((side) =>
    scope.helpers.define(`tile_${side}`, () => `var<workgroup> tile_${side}: array<vec4<f32>, ${vectors}>;`),
  );
  const finish = scope.helpers.define(`finish_${name}`, () =>
    finishFunction(`finish_${name}`, nest, product, scope),
  );
  const perSide = size / HELD;
  const lines = [
    ...(batch > 1 ? [`let batch = block / ${down * across};`] : ['const batch = 0;']),
    `let tile = ${batch > 1 ? `block % ${down * across}` : 'block'};`,
    `let firstRow = (tile / ${across}) * ${size};`,
    `let firstColumn = (tile % ${across}) * ${size};`,
    `let held = vec2<i32>(local / ${perSide}, local % ${perSide});`,
    ...registers('total'),
    `for (var begin = 0; begin < ${k}; begin += ${TERMS}) {`,
    ...indent(registers('sum')),
    `  for (var k0 = begin; k0 < min(begin + ${TERMS}, ${k}); k0 += ${DEPTH}) {`,
    ...indent(indent(fill(a, lhs, 'firstRow', product, vectors, group))),
    ...indent(indent(fill(b, rhs, 'firstColumn', product, vectors, group))),
    '    workgroupBarrier();',
    `    for (var kk = 0; kk < ${DEPTH}; kk++) {`,
    `      let l = ${a}[kk * ${perSide} + held.x];`,
    `      let r = ${b}[kk * ${perSide} + held.y];`,
    ...each((i) => `      sum${i} += l.${'xyzw'[i]} * r;`),
    '    }',
    '    workgroupBarrier();',
    '  }',
    ...each((i) => `  total${i} += sum${i};`),
    '}',
    `let row = firstRow + held.x * ${HELD};`,
    `let column = firstColumn + held.y * ${HELD};`,
    ...each((i) =>
      each((j) => `${finish}(batch, row + ${i}, column + ${j}, total${i}.${'xyzw'[j]});`),
    ).flat(),
  ];
  const text = [`fn ${name}(block: i32, local: i32) {`, ...indent(lines), '}'].join('\n');
  return { text, workgroups: tilesOf(product, size) };
}

const each = <T>(f: (i: number) => T): T[] => Array.from({ length: HELD }, (_, i) => f(i));

const registers = (name: string): string[] => each((i) => `var ${name}${i} = vec4<f32>();`);

/** Copies a tile of an operand; neighbouring invocations read neighbouring elements. */
function fill(
  tile: string,
  { rows, isKFastest, load }: Operand,
  first: string,
  { k }: Product,
  vectors: number,
  group: number,
): string[] {
  const perK = vectors / DEPTH;
  const place = isKFastest
    ? [`let kk = v % ${DEPTH};`, `let quad = v / ${DEPTH};`]
    : [`let kk = v / ${perK};`, `let quad = v % ${perK};`];
  const lanes = each((i) => {
    const { before, value } = load(`row`, 'k');
    return [
      '{',
      `  let row = ${first} + quad * 4 + ${i};`,
      `  if (k < ${k} && row < ${rows}) {`,
      ...indent(indent([...before, `values.${'xyzw'[i]} = ${value};`])),
      '  }',
      '}',
    ];
  }).flat();
  return [
    `for (var v = local; v < ${vectors}; v += ${group}) {`,
    ...indent([...place, 'let k = k0 + kk;', 'var values = vec4<f32>();', ...lanes]),
    `  ${tile}[kk * ${perK} + quad] = values;`,
    '}',
  ];
}

/** What becomes of one number of the product. */
function finishFunction(name: string, nest: Nest, product: Product, scope: ModuleScope): string {
  const [{ reductions }, ...epilogue] = nest.phases;
  const names = nameVariables(nest.outer);
  const lines = [
    `if (m >= ${product.lhs.rows} || n >= ${product.rhs.rows}) { return; }`,
    `let point = ${product.position('m', 'n')};`,
    ...decode(nest.outer, 'point', names),
    ...epilogue.flatMap((phase) => ['{', ...indent(pointBody(phase, scope, names)), '}']),
  ];
  return [
    `fn ${name}(batch: i32, m: i32, n: i32, acc${reductions[0].acc}: f32) {`,
    ...indent(lines),
    '}',
  ].join('\n');
}

/** Whether a nest is nothing but a product of floats with an epilogue of single points. */
export const isPlainProduct = ({ phases, outer }: Nest): boolean =>
  isFloat(phases[0].reductions[0].dtype) &&
  phases[0].stores.length === 0 &&
  phases.slice(1).every((p) => sizeOf(p.loops) === 1) &&
  sizeOf(outer) > 0;
