/**
 * Gradients of attention, with the weights made again from scores and their logarithms: that of the queries by blocks of queries, those of
 * keys and values by blocks of keys, so that nothing is added up in memory. Dao 2023, https://arxiv.org/abs/2307.08691
 */
import type { NamedKernel } from '@neurite/tensor';
import type { ModuleScope } from '../expressions.js';
import type { ModulePart } from '../module.js';
import { indent } from '../nest.js';
import { constant } from '../values.js';
import {
  accumulate,
  type BlockShape,
  COLUMNS,
  COMPONENTS,
  declareMemory,
  declareSums,
  multiply,
  putWeights,
  ROWS_HELD,
  storeSums,
} from './block.js';
import { element, type Operand, operand } from './operand.js';
import { blockPart } from './part.js';
import { paramsOf, seenFunction, weightFunction } from './scores.js';

const INPUTS = ['q', 'k', 'v', 'g', 'logs', 'delta', 'mask'];

function operandsOf({ inputs }: NamedKernel): Operand[] {
  return inputs.map((view, i) => operand(INPUTS[i], view));
}

const outputOf = ({ outputs }: NamedKernel, wanted: string): Operand | undefined => {
  const found = outputs.find(({ name }) => name === wanted);
  return found && operand('out', found);
};

/** Four neighbouring rows of a column of numbers. */
const four = (o: Operand, row: string, scope: ModuleScope): string =>
  `vec4<f32>(${ROWS_HELD.map((i) => element(o, `min(${row} + ${i}, ${o.rows - 1})`, '0', scope)).join(', ')})`;

/** What both kernels compute with; `seen` and `weight` are functions of the module. */
function setUp(named: NamedKernel, isTransposed: boolean, shape: BlockShape, scope: ModuleScope) {
  const operands = operandsOf(named);
  const [q, k, v, g, logs, delta, mask] = operands;
  const params = paramsOf(named);
  const seen = seenFunction(params, mask ?? null, { queries: q.rows, keys: k.rows, isTransposed }, scope);
  const weight = weightFunction(scope);
  const scale = constant(params.scale, 'float32', scope.helpers);
  declareMemory(shape, scope);
  return { operands, q, k, v, g, logs, delta, causal: params.causal, seen, weight, scale };
}

export function gradQueryPart(named: NamedKernel, shape: BlockShape, scope: ModuleScope): ModulePart {
  const { operands, q, k, v, g, logs, delta, causal, seen, weight, scale } = setUp(
    named,
    false,
    shape,
    scope,
  );
  const lines = [
    `let row_logs = ${four(logs, 'row', scope)};`,
    `let row_delta = ${four(delta, 'row', scope)};`,
    ...declareSums('dq', q),
    `let end = ${causal ? `min(first + ${shape.rows}, ${k.rows})` : k.rows};`,
    `for (var key = 0; key < end; key += ${COLUMNS}) {`,
    ...indent([
      ...multiply('s', q, 'first', k, 'key', shape, scope),
      ...multiply('t', g, 'first', v, 'key', shape, scope),
      ...ROWS_HELD.map((i) => {
        const p = `${weight}(${seen(`s${i}`, `row + ${i}`, 'key + held.y * 4')}, vec4<f32>(row_logs.${COMPONENTS[i]}))`;
        return `s${i} = ${p} * (t${i} - row_delta.${COMPONENTS[i]}) * ${scale};`;
      }),
      ...putWeights('s', shape),
      ...accumulate('dq', k, 'key', shape, scope),
    ]),
    '}',
    ...storeSums('dq', outputOf(named, 'attentionGradQuery')!, 'row', scope),
  ];
  return blockPart('grad_query', q, shape, operands, lines);
}

export function gradKeyValuePart(named: NamedKernel, shape: BlockShape, scope: ModuleScope): ModulePart {
  const { operands, q, k, v, g, logs, delta, causal, seen, weight, scale } = setUp(named, true, shape, scope);
  const [dk, dv] = ['attentionGradKey', 'attentionGradValue'].map((name) => outputOf(named, name));
  // A query that is not there has no weight, whatever the last one's is.
  const rest = q.rows % COLUMNS;
  const present = (i: number) => (rest ? [`p${i} = select(p${i}, vec4<f32>(), absent);`] : []);
  const lines = [
    ...(dk ? declareSums('dk', k) : []),
    ...(dv ? declareSums('dv', v) : []),
    `for (var query = ${causal ? 'first' : '0'}; query < ${q.rows}; query += ${COLUMNS}) {`,
    ...indent([
      'let column = query + held.y * 4;',
      `let column_logs = ${four(logs, 'column', scope)};`,
      ...(rest ? [`let absent = vec4<i32>(column) + vec4<i32>(0, 1, 2, 3) >= vec4<i32>(${q.rows});`] : []),
      ...multiply('p', k, 'first', q, 'query', shape, scope),
      ...ROWS_HELD.flatMap((i) => [
        `p${i} = ${weight}(${seen(`p${i}`, `row + ${i}`, 'column')}, column_logs);`,
        ...present(i),
      ]),
      ...(dv ? [...putWeights('p', shape), ...accumulate('dv', g, 'query', shape, scope)] : []),
      ...(dk
        ? [
            `let column_delta = ${four(delta, 'column', scope)};`,
            ...multiply('t', v, 'first', g, 'query', shape, scope),
            ...ROWS_HELD.map((i) => `p${i} *= (t${i} - column_delta) * ${scale};`),
            ...putWeights('p', shape),
            ...accumulate('dk', q, 'query', shape, scope),
          ]
        : []),
    ]),
    '}',
    ...(dk ? storeSums('dk', dk, 'row', scope) : []),
    ...(dv ? storeSums('dv', dv, 'row', scope) : []),
  ];
  return blockPart('grad_key_value', k, shape, operands, lines);
}
