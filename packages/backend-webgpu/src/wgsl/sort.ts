/**
 * `argsort`: the loops count for each element what comes before it. These programs do so with the keys of short rows in workgroup memory,
 * and merge long rows.
 */
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
import { assemble, assembleStages, createScope, type ModulePart, type Shader } from './module.js';
import { decode, indent, nameVariables, pointBody } from './nest.js';
import { sizeOf } from './strategy.js';
import { valueType } from './values.js';

/** With fewer elements in a row the loops are as good. */
const SHORTEST_ROW = 16;

/** What a nest sorts. */
interface Argsort {
  readonly nest: Nest;
  /** Of the element at the nest's point. */
  readonly key: Expr;
  /** The loop variable that is the position in the row. */
  readonly own: VarExpr;
  readonly descending: boolean;
}

/** A program for a kernel that sorts rows; null where it does not, where rows are very short, or without room for what stands between stages. */
export function sortShader(kernel: Kernel, maxBuffers: number): Shader | null {
  const [nest] = kernel.nests;
  if (kernel.nests.length !== 1 || sizeOf(nest.outer) === 0) return null;
  const sort = argsortOf(nest);
  if (!sort) return null;
  const scope = createScope(kernel);
  const { own, key, descending } = sort;
  scope.helpers.define('key_before', () => orderFunction(keyType(key.dtype), descending));
  const keyOf = keyFunction(sort, scope);
  scope.helpers.define('sort_key', () => keyOf);
  if (own.size <= SORT_GROUP) return assemble(scope, [shortRowsPart(sort, scope)], SORT_GROUP);
  const sorting = sortStages(
    {
      rows: rowsOf(sort),
      size: own.size,
      type: keyType(key.dtype),
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
  if (own.kind !== 'var' || own.size !== size || size < SHORTEST_ROW || op !== 'sum') return null;
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
function orderFunction(type: string, descending: boolean): string {
  const [p, q] = descending ? ['b', 'a'] : ['a', 'b'];
  return `fn key_before(a: ${type}, b: ${type}) -> bool {\n  return ${p} < ${q};\n}`;
}

/** Floats are compared as integers: compilers that assume there is no NaN cannot make their order another one. */
const keyType = (dtype: DType): string => (isFloat(dtype) ? 'i32' : valueType(dtype));

const ORDERED = `fn ordered(x: f32) -> i32 {
  let bits = bitcast<i32>(x);
  let magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) { return 0x7fffffff; }
  return select(magnitude, -magnitude, bits < 0);
}`;

const rowsOf = ({ nest, own }: Argsort): number => sizeOf(nest.outer) / own.size;

const rowLoops = ({ nest, own }: Pick<Argsort, 'nest' | 'own'>) =>
  nest.outer.filter(({ variable }) => variable !== own);

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
  if (isFloat(key.dtype)) scope.helpers.define('ordered', () => ORDERED);
  lines.push(`return ${isFloat(key.dtype) ? `ordered(${spell(key)})` : spell(key)};`);
  return [
    `fn sort_key(row: i32, ${names.get(own)}: i32) -> ${keyType(key.dtype)} {`,
    ...indent(lines),
    '}',
  ].join('\n');
}

/** Several rows a workgroup: an element counts what comes before it among the keys that all have brought. */
function shortRowsPart(sort: Argsort, scope: ModuleScope): ModulePart {
  const { size } = sort.own;
  const type = keyType(sort.key.dtype);
  const [rows, together] = [rowsOf(sort), Math.floor(SORT_GROUP / size)];
  scope.helpers.define('row_keys', () => `var<workgroup> row_keys: array<${type}, ${together * size}>;`);
  const lines = [
    `let row = block * ${together} + local / ${size};`,
    `let place = local % ${size};`,
    `let valid = local < ${together * size} && row < ${rows};`,
    'if (valid) { row_keys[local] = sort_key(row, place); }',
    'workgroupBarrier();',
    'if (!valid) { return; }',
    'let own = row_keys[local];',
    `let first = local - place;`,
    'var rank = 0;',
    'for (var next = first; next < local; next++) {',
    '  if (!key_before(own, row_keys[next])) { rank++; }',
    '}',
    `for (var next = local + 1; next < first + ${size}; next++) {`,
    '  if (key_before(row_keys[next], own)) { rank++; }',
    '}',
    ...giveLines(sort, 'rank', 'place', scope),
  ];
  const text = ['fn sort_short_rows(block: i32, local: i32) {', ...indent(lines), '}'].join('\n');
  return { name: 'sort_short_rows', text, workgroups: Math.ceil(rows / together) };
}

function givePart(sort: Argsort, order: string, scope: ModuleScope): ModulePart {
  const size = sizeOf(sort.nest.outer);
  const lines = [
    `let element = block * ${SORT_GROUP} + local;`,
    `if (element >= ${size}) { return; }`,
    `let row = element / ${sort.own.size};`,
    ...giveLines(sort, `element % ${sort.own.size}`, `${order}[element]`, scope),
  ];
  const text = ['fn give_order(block: i32, local: i32) {', ...indent(lines), '}'].join('\n');
  return { name: 'give_order', text, workgroups: Math.ceil(size / SORT_GROUP) };
}

/** Writes the position of an element of `row` where the loops would: their count is its rank. */
function giveLines({ nest, own }: Argsort, rank: string, position: string, scope: ModuleScope): string[] {
  const [count, give] = nest.phases;
  const names = nameVariables(nest.outer);
  return [
    `let acc${count.reductions[0].acc} = ${rank};`,
    ...decode(rowLoops({ nest, own }), 'row', names),
    `let ${names.get(own)} = ${position};`,
    ...pointBody(give, scope, names),
  ];
}
