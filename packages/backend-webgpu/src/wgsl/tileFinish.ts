/** What becomes of the sums of a tile. */
import type { ModuleScope } from './expressions.js';
import { pick } from './finish.js';
import { indent } from './nest.js';
import type { Product } from './product.js';
import type { Sink, Split } from './splits.js';
import { sliceGroupOf, type TileShape } from './tileShapes.js';
import type { Side } from './tiles.js';

interface Tile {
  readonly lhs: Side;
  readonly rhs: Side;
  readonly shape: TileShape;
  readonly split: Split;
  /** Names of the sums: for each row that an invocation holds, its fours of columns. */
  readonly sums: readonly (readonly string[])[];
}

/** Hands all sums to a sink. */
export function finishTile(product: Product, tile: Tile, sink: Sink, scope: ModuleScope): string[] {
  const { lhs, rhs, shape, sums } = tile;
  const isSplit = tile.split.parts > 1;
  const four = finishFour(product, tile, sink, scope);
  const [down, across] = shape.held;
  const at = (side: Side, held: string) =>
    `${side.first} + ${held}${side.layout.rowStep === 1 ? ' * 4' : ''}`;
  if (shape.slices > 1) {
    const row = `${at(lhs, 'held.x')} + slice * ${lhs.layout.rowStep}`;
    return [
      ...addSlices(tile),
      `${four}(${isSplit ? 'part, ' : ''}batch, ${row}, ${at(rhs, 'held.y')}, total);`,
    ];
  }
  // Written once: an epilogue may be long.
  const fours = sums.flat();
  const row = [
    at(lhs, 'held.x'),
    ...(down > 1 ? [`i / ${4 * across} * ${step(lhs, down)}`] : []),
    `${across > 1 ? `i / ${across}` : 'i'}${down > 1 ? ' % 4' : ''} * ${lhs.layout.rowStep}`,
  ].join(' + ');
  const column = [at(rhs, 'held.y'), ...(across > 1 ? [`i % ${across} * ${step(rhs, across)}`] : [])].join(
    ' + ',
  );
  return [
    `for (var i = 0; i < ${fours.length}; i++) {`,
    ...indent([
      ...pick('values', fours),
      `${four}(${isSplit ? 'part, ' : ''}batch, ${row}, ${column}, values);`,
    ]),
    '}',
  ];
}

/** From four to four that an invocation holds, in rows of the tile. */
const step = ({ layout }: Side, held: number): number =>
  (layout.fours / held) * (layout.rowStep === 1 ? 4 : 1);

/** Each slice gets the `total` of one row: the slices' sums, in their order. */
function addSlices({ lhs, rhs, shape, sums }: Tile): string[] {
  const group = sliceGroupOf(shape);
  // The tiles are done with, and hold two rows each.
  const memory = (i: number) => [lhs, rhs][i >> 1].layout.memory;
  const place = (slice: string | number, i: string | number) => `(${slice} * 2 + ${i}) * ${group} + local`;
  const slices = [0, 1, 2, 3];
  const total = (side: Side) =>
    slices.map((s) => `${side.layout.memory}[${place(s, 'slice % 2')}]`).join(' + ');
  return [
    ...sums.flat().map((sum, i) => `${memory(i)}[${place('slice', i % 2)}] = ${sum};`),
    'workgroupBarrier();',
    'var total: vec4<f32>;',
    `if (slice < 2) { total = ${total(lhs)}; } else { total = ${total(rhs)}; }`,
  ];
}

/** Defines the function that hands four numbers of a row to the sink. */
function finishFour(product: Product, { rhs, shape, split }: Tile, sink: Sink, scope: ModuleScope): string {
  const [m, n] = [product.lhs.rows, product.rhs.rows];
  const step = rhs.layout.rowStep;
  const isSplit = split.parts > 1;
  const call = sink('batch', 'm', 'column', 'values[j]');
  return scope.helpers.define('finish_four', () =>
    [
      `fn finish_four(${isSplit ? 'part: i32, ' : ''}batch: i32, m: i32, n: i32, values: vec4<f32>) {`,
      ...indent([
        ...(m % shape.rows ? [`if (m >= ${m}) { return; }`] : []),
        'for (var j = 0; j < 4; j++) {',
        `  let column = n + j${step === 1 ? '' : ` * ${step}`};`,
        `  ${n % shape.columns ? `if (column < ${n}) { ${call} }` : call}`,
        '}',
      ]),
      '}',
    ].join('\n'),
  );
}
