/** Scores that are not to count, and weights that are made of scores again. */
import type { AttentionParams, NamedKernel } from '@neurite/tensor';
import type { ModuleScope } from '../expressions.js';
import { indent } from '../nest.js';
import { constant } from '../values.js';
import { COLUMNS } from './block.js';
import { element, type Operand } from './operand.js';

/**
 * Score of what a query does not see. It is the least float32 and not −∞, which WGSL does not know: its exponential is 0 beside any score,
 * and a row that ends with it as its greatest has seen no key.
 */
export const UNSEEN = '-3.4028234e38f';

export const paramsOf = ({ params }: NamedKernel): AttentionParams => params as AttentionParams;

/** Which rows and columns of a block of scores are. */
export interface Sides {
  /** Sizes of the whole matrix, by what they are. */
  readonly queries: number;
  readonly keys: number;
  /** Whether keys are the rows. */
  readonly isTransposed: boolean;
}

/** Defines `seen(s, mask, row, column)`: scores in four columns from products of queries and keys; returns a call of it. */
export function seenFunction(
  { scale, causal }: AttentionParams,
  mask: Operand | null,
  { queries, keys, isTransposed }: Sides,
  scope: ModuleScope,
): (sums: string, row: string, column: string) => string {
  scope.helpers.define('seen', () => {
    const [query, key] = isTransposed ? ['column + j', 'row'] : ['row', 'column + j'];
    const edge = isTransposed ? queries : keys;
    const hidden = [
      ...(edge % COLUMNS ? [`column + j >= ${edge}`] : []),
      ...(causal ? [`${key} > ${query}`] : []),
    ];
    const isBool = mask && scope.kernel.buffers[mask.view.buffer].dtype === 'bool';
    const at = (text: string, size: number) => `min(${text}, ${size - 1})`;
    const value = mask && element(mask, at(query, queries), at(key, keys), scope);
    const each = [
      ...(value && isBool ? [`if (!${value}) { x[j] = ${UNSEEN}; }`] : []),
      // −∞ is told by its bits.
      ...(value && !isBool
        ? [`x[j] += ${value};`, `if (bitcast<u32>(x[j]) == 0xff800000u) { x[j] = ${UNSEEN}; }`]
        : []),
      ...(hidden.length ? [`if (${hidden.join(' || ')}) { x[j] = ${UNSEEN}; }`] : []),
    ];
    return [
      `fn seen(sums: vec4<f32>, ${mask?.name ?? 'mask'}: i32, row: i32, column: i32) -> vec4<f32> {`,
      `  var x = sums * ${constant(scale, 'float32', scope.helpers)};`,
      ...(each.length ? ['  for (var j = 0; j < 4; j++) {', ...indent(indent(each)), '  }'] : []),
      '  return x;',
      '}',
    ].join('\n');
  });
  return (sums, row, column) => `seen(${sums}, ${mask?.name ?? '0'}, ${row}, ${column})`;
}

/** Defines `weight(s, log)`: exp(s − log), and NaN in a row without keys, whose sum of exponentials has the logarithm −∞. */
export function weightFunction({ helpers }: ModuleScope): string {
  const nan = constant(Number.NaN, 'float32', helpers);
  return helpers.define(
    'weight',
    () => `fn weight(s: vec4<f32>, log: vec4<f32>) -> vec4<f32> {
  return select(exp(s - log), vec4<f32>(${nan}), bitcast<vec4<u32>>(log) == vec4<u32>(0xff800000u));
}`,
  );
}
