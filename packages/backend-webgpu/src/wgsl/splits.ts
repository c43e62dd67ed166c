/**
 * Long sums of few numbers, as gradients of weights are: workgroups add up parts of k into memory of their own, and a second dispatch
 * adds the parts in their order and takes the sums through the epilogue.
 */
import type { Nest } from '@neurite/tensor';
import type { ModuleScope } from './expressions.js';
import { finishFunction } from './finish.js';
import { assemble, assembleStages, type ModulePart, type Shader } from './module.js';
import { indent } from './nest.js';
import type { Product } from './product.js';
import { ENOUGH, FEWEST_PARTS, LEAST_TERMS } from './tileShapes.js';

/** Parts of k. */
export interface Split {
  readonly parts: number;
  /** Terms of each part, but for the last. */
  readonly terms: number;
}

const MOST_PARTS = 64;
/** Numbers between the dispatches, at most. */
const MOST_NUMBERS = 2 ** 22;

const MEMORY = 'partial_sums';

const numbersOf = ({ lhs, rhs, batch }: Product): number => lhs.rows * rhs.rows * batch;

/** How to split a product that has `workgroups` as a whole; parts have a multiple of `step` terms. One part where nothing is gained. */
export function chooseSplit(product: Product, workgroups: number, step: number): Split {
  const wanted = Math.min(
    Math.floor(ENOUGH / workgroups),
    Math.floor(product.k / LEAST_TERMS),
    MOST_PARTS,
    Math.floor(MOST_NUMBERS / numbersOf(product)),
  );
  if (wanted < FEWEST_PARTS) return { parts: 1, terms: product.k };
  const terms = Math.ceil(product.k / (wanted * step)) * step;
  return { parts: Math.ceil(product.k / terms), terms };
}

/** What happens to a number of the product, as a statement. */
export type Sink = (batch: string, m: string, n: string, value: string) => string;

/** Takes a number through the epilogue, or keeps a part of it; the part's number is `part`. */
export function sinkOf(nest: Nest, product: Product, { parts }: Split, scope: ModuleScope): Sink {
  const { lhs, rhs, batch: batches } = product;
  if (parts === 1) {
    const finish = finishFunction(nest, product, scope);
    return (batch, m, n, value) => `${finish}(${batch}, ${m}, ${n}, ${value});`;
  }
  return (batch, m, n, value) => {
    const matrix = batches > 1 ? `(part * ${batches} + ${batch})` : 'part';
    return `${MEMORY}[(${matrix} * ${lhs.rows} + ${m}) * ${rhs.rows} + ${n}] = ${value};`;
  };
}

/**
 * The function of a product, whose blocks are those of a part: there are `workgroups` to each. `local` names the invocation's number.
 */
export function partFunction(
  name: string,
  { parts }: Split,
  workgroups: number,
  lines: readonly string[],
  local = 'local',
): ModulePart {
  const [block, head] =
    parts > 1
      ? ['number', [`let part = number / ${workgroups};`, `let block = number % ${workgroups};`]]
      : ['block', []];
  const text = [`fn ${name}(${block}: i32, ${local}: i32) {`, ...indent([...head, ...lines]), '}'].join('\n');
  return { name, text, workgroups: workgroups * parts };
}

/** The program of a product whose parts `first` computes. */
export function splitShader(
  nest: Nest,
  product: Product,
  split: Split,
  first: ModulePart,
  group: number,
  scope: ModuleScope,
): Shader {
  if (split.parts === 1) return assemble(scope, [first], group);
  const numbers = numbersOf(product);
  return assembleStages(
    scope,
    [
      { entry: 'multiply', parts: [first] },
      { entry: 'add', parts: [addPart(nest, product, split, group, scope)] },
    ],
    group,
    [{ name: MEMORY, type: 'f32', size: split.parts * numbers }],
  );
}

/** Adds the parts of each number. */
function addPart(
  nest: Nest,
  product: Product,
  { parts }: Split,
  group: number,
  scope: ModuleScope,
): ModulePart {
  const [m, n] = [product.lhs.rows, product.rhs.rows];
  const numbers = numbersOf(product);
  const finish = finishFunction(nest, product, scope);
  const lines = [
    `let i = block * ${group} + local;`,
    `if (i >= ${numbers}) { return; }`,
    `var sum = ${MEMORY}[i];`,
    `for (var part = 1; part < ${parts}; part++) { sum += ${MEMORY}[part * ${numbers} + i]; }`,
    `${finish}(i / ${m * n}, i / ${n} % ${m}, i % ${n}, sum);`,
  ];
  const text = ['fn add_parts(block: i32, local: i32) {', ...indent(lines), '}'].join('\n');
  return { name: 'add_parts', text, workgroups: Math.ceil(numbers / group) };
}
