/**
 * Products in tiles: a workgroup computes a tile of the result from tiles of the operands in workgroup memory, and each of its
 * invocations some of it in registers. While it multiplies what is in workgroup memory, the next numbers are on their way to its registers.
 */
import type { Nest } from '@neurite/tensor';
import type { ModuleScope } from './expressions.js';
import type { ModulePart } from './module.js';
import { indent } from './nest.js';
import type { Operand } from './operand.js';
import { DEPTH, defineOperand, operandNames, type TileLayout, tileLayout } from './operandCode.js';
import type { Product } from './product.js';
import { partFunction, type Split, sinkOf } from './splits.js';
import { finishTile } from './tileFinish.js';
import { sliceGroupOf, type TileShape, tilesOf } from './tileShapes.js';

/** Partial sums hold at most so many terms. */
const TERMS = 64;

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** One side of a tile. */
export interface Side {
  readonly operand: Operand;
  readonly layout: TileLayout;
  /** Names of its first row's number, and of the function of its rows and numbers. */
  readonly first: string;
  readonly names: ReturnType<typeof operandNames>;
}

/** A block that an invocation carries from the operands to workgroup memory at each step: of either side, by the invocation's number. */
interface Carried {
  readonly name: string;
  readonly from: readonly {
    readonly side: Side;
    readonly block: string;
    readonly condition: string | null;
  }[];
}

export function tilePart(
  name: string,
  nest: Nest,
  product: Product,
  shape: TileShape,
  split: Split,
  scope: ModuleScope,
): ModulePart {
  const { k, batch } = product;
  const group = sliceGroupOf(shape);
  const [down, across] = [
    Math.ceil(product.lhs.rows / shape.rows),
    Math.ceil(product.rhs.rows / shape.columns),
  ];
  const { slices } = shape;
  // What a slice adds up.
  const chunk = slices > 1 ? Math.ceil(split.terms / (DEPTH * slices)) * DEPTH : split.terms;
  const asked = Math.ceil(chunk / DEPTH) * DEPTH * slices + (split.parts - 1) * split.terms;
  const lhs = sideOf(product.lhs, shape, k, asked, scope);
  const rhs = sideOf(product.rhs, shape, k, asked, scope);
  const carried = carriedBlocks(lhs, rhs, group);
  const sums = sumNames(shape);
  const inTerms = shape.inTerms && chunk > TERMS;
  const perRow = rhs.layout.fours / shape.held[1];
  const begin = [
    ...(split.parts > 1 ? [`part * ${split.terms}`] : []),
    ...(slices > 1 ? [`slice * ${chunk}`] : []),
    'k0',
  ].join(' + ');
  const lines = [
    ...(slices > 1 ? [`let slice = invocation / ${group};`, `let local = invocation % ${group};`] : []),
    ...(batch > 1 ? [`let batch = block / ${down * across};`] : ['const batch = 0;']),
    `let tile = ${batch > 1 ? `block % ${down * across}` : 'block'};`,
    `let firstRow = tile / ${across} * ${shape.rows};`,
    `let firstColumn = tile % ${across} * ${shape.columns};`,
    `let held = vec2<i32>(local / ${perRow}, local % ${perRow});`,
    ...carried.flatMap(start),
    ...sums.flat().map((sum) => `var ${sum} = vec4<f32>();`),
    ...(inTerms ? sums.flat().map((sum) => `var total_${sum} = vec4<f32>();`) : []),
    // One step more than there are tiles: each loads a tile and multiplies the one before.
    `for (var k0 = 0; ; k0 += ${DEPTH}) {`,
    ...indent([
      `if (k0 < ${chunk}) {`,
      ...indent(carried.flatMap((c) => fetch(c, begin))),
      '}',
      'if (k0 > 0) {',
      ...indent(multiply(lhs, rhs, shape, sums)),
      '}',
      ...(inTerms
        ? [
            `if (k0 % ${TERMS} == 0) {`,
            ...indent(sums.flat().map((sum) => `total_${sum} += ${sum}; ${sum} = vec4<f32>();`)),
            '}',
          ]
        : []),
      `if (k0 >= ${chunk}) { break; }`,
      'workgroupBarrier();',
      ...carried.flatMap(put),
      'workgroupBarrier();',
    ]),
    '}',
    ...(inTerms ? sums.flat().map((sum) => `${sum} += total_${sum};`) : []),
    ...finishTile(product, { lhs, rhs, shape, split, sums }, sinkOf(nest, product, split, scope), scope),
  ];
  return partFunction(name, split, tilesOf(product, shape), lines, slices > 1 ? 'invocation' : 'local');
}

function sideOf(operand: Operand, shape: TileShape, k: number, asked: number, scope: ModuleScope): Side {
  const { slices } = shape;
  const layout = tileLayout(operand, shape);
  const vectors = layout.fours * DEPTH * slices;
  const first = operand.side === 'lhs' ? 'firstRow' : 'firstColumn';
  scope.helpers.define(layout.memory, () => `var<workgroup> ${layout.memory}: array<vec4<f32>, ${vectors}>;`);
  defineOperand(operand, layout.kStep, k, asked, scope);
  return { operand, layout, first, names: operandNames(operand) };
}

/** Both sides' blocks at once where there are invocations enough, otherwise one side after the other. */
function carriedBlocks(lhs: Side, rhs: Side, group: number): Carried[] {
  const split = lhs.layout.blocks;
  if (split + rhs.layout.blocks <= group) {
    const isExact = split + rhs.layout.blocks === group;
    const rest = isExact ? null : `local < ${split + rhs.layout.blocks}`;
    return [
      {
        name: 'carried',
        from: [
          { side: lhs, block: 'local', condition: `local < ${split}` },
          { side: rhs, block: `(local - ${split})`, condition: rest },
        ],
      },
    ];
  }
  return [lhs, rhs].flatMap((side) =>
    range(Math.ceil(side.layout.blocks / group)).map((pass): Carried => {
      const block = pass ? `(local + ${pass * group})` : 'local';
      const condition = (pass + 1) * group > side.layout.blocks ? `${block} < ${side.layout.blocks}` : null;
      return { name: `carried_${side.operand.side}${pass || ''}`, from: [{ side, block, condition }] };
    }),
  );
}

/** `if … else if … else` over the sides that a block may be of. */
function choose({ from }: Carried, body: (from: Carried['from'][number]) => string[]): string[] {
  return from.flatMap((option, i) => {
    const { condition } = option;
    const head = condition ? `if (${condition}) {` : '{';
    return [i ? `} else ${head}` : head, ...indent(body(option)), ...(i === from.length - 1 ? ['}'] : [])];
  });
}

/** Works out where a carried block is. */
function start(carried: Carried): string[] {
  const { name, from } = carried;
  const rows = from.flatMap(({ side: { operand, layout, first, names }, block }) => {
    // Rows beyond the last one bring numbers that nobody asks for.
    const last = operand.vector === 'row' ? operand.rows - 4 : operand.rows - 1;
    const isExact = operand.rows % (layout.fours * 4) === 0;
    const all = layout.rowsOf('four');
    const within = isExact
      ? `${first} + ${all}`
      : operand.vector === 'row'
        ? `min(${first} + four * 4, ${last}) + vec4<i32>(0, 1, 2, 3)`
        : `min(${first} + ${all}, vec4<i32>(${last}))`;
    return [
      `var ${name}_${operand.side}: ${names.rows};`,
      '{',
      ...indent([
        ...layout.place(block).slice(0, 1),
        `${name}_${operand.side} = ${names.rowsOf}(${within}, batch);`,
      ]),
      '}',
    ];
  });
  return [...rows, `var ${name}: mat4x4<f32>;`];
}

function fetch(carried: Carried, k: string): string[] {
  return choose(carried, ({ side: { operand, layout, names }, block }) => [
    layout.place(block)[1],
    `${carried.name} = ${names.fetch}(${carried.name}_${operand.side}, ${k} + ${layout.kOf('quarter')});`,
  ]);
}

/** Puts a carried block into workgroup memory. */
function put(carried: Carried): string[] {
  return choose(carried, ({ side: { layout }, block }) => [
    ...layout.place(block),
    `let first = ${layout.kOf('quarter')};`,
    ...range(4).map(
      (j) =>
        `${layout.vector(j ? `(first + ${j * layout.kStep})` : 'first', 'four', 'quarter')} = ${carried.name}[${j}];`,
    ),
  ]);
}

/** Names of the sums: for each row that an invocation holds, its fours of columns. */
const sumNames = ({ held: [down, across] }: TileShape): string[][] =>
  range(down * 4).map((i) => range(across).map((c) => (across > 1 ? `sum${i}_${c}` : `sum${i}`)));

function multiply(
  lhs: Side,
  rhs: Side,
  { held: [down, across] }: TileShape,
  sums: readonly string[][],
): string[] {
  const read = ({ layout }: Side, name: string, held: string, n: number) =>
    range(n).map((i) => {
      const four = i ? `(${held} + ${(i * layout.fours) / n})` : held;
      return `let ${name}${i} = ${layout.vector('kk', four, layout.quarterOf('kk'))};`;
    });
  return [
    `for (var kk = 0; kk < ${DEPTH}; kk++) {`,
    ...indent([
      ...read(lhs, 'l', 'held.x', down),
      ...read(rhs, 'r', 'held.y', across),
      ...sums.flatMap((row, i) => row.map((sum, c) => `${sum} += l${i >> 2}.${'xyzw'[i % 4]} * r${c};`)),
    ]),
    '}',
  ];
}
