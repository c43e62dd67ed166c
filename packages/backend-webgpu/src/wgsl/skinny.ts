/**
 * Products with few rows or columns, whose time is that of reading the wide operand: a workgroup reads some of its rows once,
 * neighbouring invocations neighbouring elements, and multiplies them with all rows of the narrow one. Lanes share the sums over k.
 */
import type { Nest } from '@neurite/tensor';
import type { ModuleScope } from './expressions.js';
import { pick } from './finish.js';
import type { ModulePart } from './module.js';
import { indent } from './nest.js';
import type { Operand } from './operand.js';
import { defineOperand, operandNames } from './operandCode.js';
import type { Product } from './product.js';
import { partFunction, type Sink, type Split, sinkOf } from './splits.js';
import { ceilPower } from './strategy.js';
import { ENOUGH } from './tileShapes.js';

/** Rows of the narrow side, at most. */
export const FEW = 7;
const GROUP = 256;

/** How a workgroup shares its work. */
export interface SkinnyShape {
  /** Fours of wide rows, and lanes that share the sums of each. */
  readonly fours: number;
  readonly lanes: number;
}

export const sidesOf = ({ lhs, rhs }: Product): { readonly wide: Operand; readonly narrow: Operand } =>
  lhs.rows > rhs.rows ? { wide: lhs, narrow: rhs } : { wide: rhs, narrow: lhs };

/** As many workgroups as keep the device busy, if loads are of whole cache lines and each lane has something to do. */
export function skinnyShape(product: Product): SkinnyShape {
  const { wide } = sidesOf(product);
  const least = wide.isKFastest ? 1 : wide.vector ? 8 : 16;
  const most = ceilPower(Math.ceil(wide.rows / 4));
  const wanted = 2 ** Math.floor(Math.log2(Math.max(1, (wide.rows * product.batch) / (4 * ENOUGH))));
  const fours = Math.min(32, most, Math.max(least, wanted));
  // Each lane takes four k at once.
  const lanes = Math.max(4, Math.min(GROUP / fours, ceilPower(product.k / 4)));
  return { fours, lanes };
}

/** Terms that the lanes take in one step. */
export const depthOf = ({ lanes }: SkinnyShape): number => 4 * lanes;

/** Workgroups that compute the product as a whole. */
export const skinnyGroups = (product: Product, { fours }: SkinnyShape): number =>
  Math.ceil(sidesOf(product).wide.rows / (4 * fours)) * product.batch;

export function skinnyPart(
  name: string,
  nest: Nest,
  product: Product,
  { fours, lanes }: SkinnyShape,
  split: Split,
  scope: ModuleScope,
): ModulePart {
  const { k, batch } = product;
  const { wide, narrow } = sidesOf(product);
  const across = Math.ceil(wide.rows / (4 * fours));
  const depth = depthOf({ fours, lanes });
  // Without vectors neighbouring lanes take neighbouring k, if these are what lies together.
  const kStep = wide.isKFastest && wide.vector !== 'k' && narrow.vector !== 'k' ? lanes : 1;
  const rowStep = wide.isKFastest || wide.vector === 'row' ? 1 : fours;
  const asked = Math.ceil(split.terms / depth) * depth + (split.parts - 1) * split.terms;
  defineOperand(wide, kStep, k, asked, scope);
  defineOperand(narrow, kStep, k, asked, scope);
  const [w, n] = [operandNames(wide), operandNames(narrow)];
  const narrowFours = Math.ceil(narrow.rows / 4);
  const each = <T>(count: number, f: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => f(i));
  const last = wide.rows - 1;
  const first = wide.vector === 'row' ? `min(row, ${last - 3})` : 'row';
  const steps = `vec4<i32>(${each(4, (i) => i * rowStep).join(', ')})`;
  const begin = split.parts > 1 ? `part * ${split.terms} + k0` : 'k0';
  const lines = [
    ...(batch > 1 ? [`let batch = block / ${across};`] : ['const batch = 0;']),
    wide.isKFastest ? `let four = local / ${lanes};` : `let four = local % ${fours};`,
    wide.isKFastest ? `let lane = local % ${lanes};` : `let lane = local / ${fours};`,
    `let row = ${batch > 1 ? `block % ${across}` : 'block'} * ${4 * fours} + ${rowStep === 1 ? 'four * 4' : 'four'};`,
    // Rows beyond the last one bring numbers that nobody asks for.
    `let wide = ${w.rowsOf}(min(${first} + ${steps}, vec4<i32>(${last})), batch);`,
    ...each(narrowFours, (i) => {
      const rows = each(4, (j) => Math.min(i * 4 + j, narrow.rows - 1));
      return `let narrow${i} = ${n.rowsOf}(vec4<i32>(${rows.join(', ')}), batch);`;
    }),
    ...each(narrow.rows, (r) => `var sum${r} = vec4<f32>();`),
    `for (var k0 = 0; k0 < ${split.terms}; k0 += ${depth}) {`,
    `  let k = ${begin} + lane${kStep === 1 ? ' * 4' : ''};`,
    `  let a = ${w.fetch}(wide, k);`,
    ...each(narrowFours, (i) => `  let b${i} = ${n.fetch}(narrow${i}, k);`),
    ...each(narrow.rows, (r) => {
      const terms = each(4, (j) => `b${r >> 2}[${j}].${'xyzw'[r % 4]} * a[${j}]`);
      return `  sum${r} += ${terms.join(' + ')};`;
    }),
    '}',
    `for (var i = 0; i < ${narrow.rows}; i++) {`,
    ...indent([
      ...pick(
        'sum',
        each(narrow.rows, (r) => `sum${r}`),
      ),
      `sum_up(${split.parts > 1 ? 'part, ' : ''}i, sum, batch, row, local, lane);`,
    ]),
    '}',
  ];
  scope.helpers.define('sum_up', () =>
    sumFunction(product, { fours, lanes }, rowStep, split, sinkOf(nest, product, split, scope), scope),
  );
  return partFunction(name, split, across * batch, lines);
}

/** Adds what the lanes have in a tree, and hands the four sums to the sink. */
function sumFunction(
  product: Product,
  { fours, lanes }: SkinnyShape,
  rowStep: number,
  split: Split,
  sink: Sink,
  scope: ModuleScope,
): string {
  const { wide } = sidesOf(product);
  const memory = scope.helpers.define(
    'partial',
    () => `var<workgroup> partial: array<vec4<f32>, ${fours * lanes}>;`,
  );
  const step = wide.isKFastest ? 1 : fours;
  const [m, n] = wide === product.lhs ? ['at', 'narrow'] : ['narrow', 'at'];
  const total = `${memory}[local - lane * ${step}][lane]`;
  return `fn sum_up(${split.parts > 1 ? 'part: i32, ' : ''}narrow: i32, sum: vec4<f32>, batch: i32, row: i32, local: i32, lane: i32) {
  ${memory}[local] = sum;
  workgroupBarrier();
  for (var half = ${lanes / 2}; half > 0; half /= 2) {
    if (lane < half) { ${memory}[local] += ${memory}[local + half * ${step}]; }
    workgroupBarrier();
  }
  let at = row + lane * ${rowStep};
  if (lane < 4 && at < ${wide.rows}) { ${sink('batch', m, n, total)} }
  workgroupBarrier();
}`;
}
