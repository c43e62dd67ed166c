/** What becomes of the numbers of a product: its nest's epilogue. */
import type { Nest } from '@neurite/tensor';
import type { ModuleScope } from './expressions.js';
import { indent, nameVariables, pointBody } from './nest.js';
import type { Product } from './product.js';

/** Defines `finish(batch, m, n, value)`, which takes one number of the product through the epilogue; returns its name. */
export function finishFunction(nest: Nest, product: Product, scope: ModuleScope): string {
  return scope.helpers.define('finish', () => {
    const [{ reductions }, ...epilogue] = nest.phases;
    const names = nameVariables(nest.outer);
    const lines = [
      ...nest.outer.map(({ variable }, i) => `let ${names.get(variable)}: i32 = ${product.position[i]};`),
      ...epilogue.flatMap((phase) => ['{', ...indent(pointBody(phase, scope, names)), '}']),
    ];
    return [
      `fn finish(batch: i32, m: i32, n: i32, acc${reductions[0].acc}: f32) {`,
      ...indent(lines),
      '}',
    ].join('\n');
  });
}

/** Statements that define a variable as the `i`th of several: an array of them would not stay in registers. */
export const pick = (name: string, from: readonly string[]): string[] => [
  `var ${name} = ${from[0]};`,
  ...(from.length > 1
    ? [
        'switch i {',
        ...from.slice(1).map((value, i) => `  case ${i + 1}: { ${name} = ${value}; }`),
        '  default: {}',
        '}',
      ]
    : []),
];
