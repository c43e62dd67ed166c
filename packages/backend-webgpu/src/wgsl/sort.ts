/** `argsort` of long rows: the loops count for each element what comes before it; these programs merge. */
import {
  comesBefore,
  createExprBuilder,
  type DType,
  type Expr,
  isFloat,
  type Kernel,
  type Nest,
  rewrite,
  type VarExpr,
  visitExprs,
} from '@neurite/tensor';
import { type ModuleScope, phaseSpeller } from './expressions.js';
import { SORT_GROUP, sortStages } from './mergeSort.js';
import { assembleStages, createScope, type ModulePart, type Shader } from './module.js';
import { decode, indent, nameVariables, pointBody } from './nest.js';
import { sizeOf } from './strategy.js';
import { valueType } from './values.js';

/** What a nest sorts. */
interface Argsort {
  readonly nest: Nest;
  /** Of the element at the nest's point. */
  readonly key: Expr;
  /** The loop variable that is the position in the row. */
  readonly own: VarExpr;
  readonly descending: boolean;
}

/** A program in stages for a kernel that sorts rows; null where it does not, where rows are short, or without room for what stands between stages. */
export function sortShader(kernel: Kernel, maxBuffers: number): Shader | null {
  const [nest] = kernel.nests;
  if (kernel.nests.length !== 1 || sizeOf(nest.outer) === 0) return null;
  const sort = argsortOf(nest);
  if (!sort) return null;
  const scope = createScope(kernel);
  const { own, key, descending } = sort;
  const rows = sizeOf(nest.outer) / own.size;
  scope.helpers.define('key_before', () => orderFunction(key.dtype, descending, scope));
  const keyOf = keyFunction(sort, scope);
  scope.helpers.define('sort_key', () => keyOf);
  const sorting = sortStages(
    {
      rows,
      size: own.size,
      type: valueType(key.dtype),
      key: (row, position) => `sort_key(${row}, ${position})`,
      before: (a, b) => `key_before(${a}, ${b})`,
    },
    scope,
  );
  if (kernel.buffers.length + sorting.scratch.length > maxBuffers) return null;
  const stages = [...sorting.stages, { entry: 'give', parts: [givePart(sort, sorting.order, scope)] }];
  return assembleStages(scope, stages, SORT_GROUP, sorting.scratch);
}

/** A nest is a sort where its count is, to the letter, that of what comes before a key. */
function argsortOf(nest: Nest): Argsort | null {
  const { phases, contraction } = nest;
  if (contraction || phases.length !== 2) return null;
  const [count, give] = phases;
  const isCount = count.loops.length === 1 && count.reductions.length === 1 && count.stores.length === 0;
  if (!isCount || give.stores.length !== 1 || give.loops.length > 0 || give.reductions.length > 0)
    return null;
  const [{ variable: other, size }] = count.loops;
  const { value: own } = give.stores[0];
  const [{ value, op }] = count.reductions;
  if (own.kind !== 'var' || own.size !== size || size <= SORT_GROUP || op !== 'sum') return null;
  const b = createExprBuilder();
  const moved = new Map<VarExpr, VarExpr>();
  const take = (e: Expr, swap = false): Expr =>
    rewrite(b, e, (x) => {
      if (x.kind === 'const') return b.constant(x.value, x.dtype);
      if (x.kind === 'scalar') return b.scalar(x.slot, x.dtype);
      if (x.kind !== 'var') return undefined;
      const variable = swap && x === own ? other : x;
      const known = moved.get(variable) ?? b.variable(variable.name, variable.size);
      moved.set(variable, known);
      return known;
    });
  const counted = take(value);
  const place = { a: take(other), b: take(own) };
  let found: Argsort | null = null;
  visitExprs([value], (e) => {
    if (found || e.kind !== 'op' || e.op !== 'lt') return;
    for (const key of e.args) {
      if (key.dtype === 'bool') continue;
      for (const descending of [false, true]) {
        const expected = comesBefore(
          b,
          { key: take(key, true), place: place.a },
          { key: take(key), place: place.b },
          descending,
        );
        if (expected === counted) found = { nest, key, own, descending };
      }
    }
  });
  return found;
}

/** Ties are not its business: merging is stable. */
function orderFunction(dtype: DType, descending: boolean, { helpers }: ModuleScope): string {
  const type = valueType(dtype);
  const [p, q] = descending ? ['b', 'a'] : ['a', 'b'];
  const check = helpers.use('is_nan');
  const nan = isFloat(dtype) ? ` || (${check}(${q}) && !${check}(${p}))` : '';
  return `fn key_before(a: ${type}, b: ${type}) -> bool {\n  return ${p} < ${q}${nan};\n}`;
}

const rowLoops = ({ nest, own }: Argsort) => nest.outer.filter(({ variable }) => variable !== own);

function keyFunction(sort: Argsort, scope: ModuleScope): string {
  const { nest, key, own } = sort;
  const [count] = nest.phases;
  const names = nameVariables([...nest.outer, ...count.loops]);
  const lines = decode(rowLoops(sort), 'row', names);
  const spell = phaseSpeller(
    { ...count, reductions: [{ ...count.reductions[0], value: key }] },
    scope,
    names,
    (line) => lines.push(line),
  );
  lines.push(`return ${spell(key)};`);
  return [
    `fn sort_key(row: i32, ${names.get(own)}: i32) -> ${valueType(key.dtype)} {`,
    ...indent(lines),
    '}',
  ].join('\n');
}

/** Writes positions where the loops would: the count is the rank. */
function givePart(sort: Argsort, order: string, scope: ModuleScope): ModulePart {
  const { nest, own } = sort;
  const [count, give] = nest.phases;
  const names = nameVariables(nest.outer);
  const size = sizeOf(nest.outer);
  const lines = [
    `let i = block * ${SORT_GROUP} + local;`,
    `if (i >= ${size}) { return; }`,
    `let row = i / ${own.size};`,
    `let acc${count.reductions[0].acc} = i % ${own.size};`,
    ...decode(rowLoops(sort), 'row', names),
    `let ${names.get(own)} = ${order}[i];`,
    ...pointBody(give, scope, names),
  ];
  const text = ['fn give_order(block: i32, local: i32) {', ...indent(lines), '}'].join('\n');
  return { name: 'give_order', text, workgroups: Math.ceil(size / SORT_GROUP) };
}
