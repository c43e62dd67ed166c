/**
 * Attention in the manner of FlashAttention: a block of queries goes over the keys with a running maximum and sum of exponentials for each
 * row, and scales what it has added up when the maximum grows. No score leaves the workgroup. Dao et al. 2022, https://arxiv.org/abs/2205.14135
 */
import type { NamedKernel } from '@neurite/tensor';
import type { ModuleScope } from '../expressions.js';
import type { ModulePart } from '../module.js';
import { indent } from '../nest.js';
import { constant } from '../values.js';
import {
  ACROSS,
  accumulate,
  type BlockShape,
  COLUMNS,
  COMPONENTS,
  declareMemory,
  declareSums,
  multiply,
  putWeights,
  ROWS_HELD,
  scaleSums,
  storeSums,
} from './block.js';
import { begin, operand, storeElement } from './operand.js';
import { blockPart } from './part.js';
import { paramsOf, seenFunction, UNSEEN } from './scores.js';

export function forwardPart(named: NamedKernel, shape: BlockShape, scope: ModuleScope): ModulePart {
  const [q, k, v] = ['q', 'k', 'v'].map((name, i) => operand(name, named.inputs[i]));
  const mask = named.inputs.length > 3 ? operand('mask', named.inputs[3]) : null;
  const outputs = named.outputs.map(({ name, ...view }) => ({ name, to: operand('out', view) }));
  const out = outputs.find(({ name }) => name === 'attention')?.to;
  const logs = outputs.find(({ name }) => name === 'attentionLogSumExp')?.to;
  const params = paramsOf(named);
  const seen = seenFunction(params, mask, { queries: q.rows, keys: k.rows, isTransposed: false }, scope);
  declareMemory(shape, scope);
  const { helpers } = scope;
  const vector = (value: (i: number) => string) => `vec4<f32>(${ROWS_HELD.map(value).join(', ')})`;
  const greatest = (i: number) => `max(max(s${i}.x, s${i}.y), max(s${i}.z, s${i}.w))`;
  const lines = [
    `var top = vec4<f32>(${UNSEEN});`,
    'var total = vec4<f32>();',
    ...(out ? declareSums('o', v) : []),
    `let end = ${params.causal ? `min(first + ${shape.rows}, ${k.rows})` : k.rows};`,
    `for (var key = 0; key < end; key += ${COLUMNS}) {`,
    ...indent([
      ...multiply('s', q, 'first', k, 'key', shape, scope),
      ...ROWS_HELD.map((i) => `s${i} = ${seen(`s${i}`, `row + ${i}`, 'key + held.y * 4')};`),
      `tile[local] = ${vector(greatest)};`,
      'workgroupBarrier();',
      'var greatest = top;',
      `for (var i = 0; i < ${ACROSS}; i++) { greatest = max(greatest, tile[held.x * ${ACROSS} + i]); }`,
      'workgroupBarrier();',
      'let kept = exp(top - greatest);',
      'top = greatest;',
      ...ROWS_HELD.map((i) => `s${i} = exp(s${i} - top.${COMPONENTS[i]});`),
      `total = total * kept + ${vector((i) => `dot(s${i}, vec4<f32>(1.0f))`)};`,
      ...(out
        ? [
            ...putWeights('s', shape),
            ...scaleSums('o', v, 'kept'),
            ...accumulate('o', v, 'key', shape, scope),
          ]
        : []),
    ]),
    '}',
    'tile[local] = total;',
    'workgroupBarrier();',
    'total = vec4<f32>();',
    `for (var i = 0; i < ${ACROSS}; i++) { total += tile[held.x * ${ACROSS} + i]; }`,
    `let blind = top <= vec4<f32>(${UNSEEN});`,
  ];
  if (out) {
    const nan = constant(Number.NaN, 'float32', helpers);
    lines.push(
      `let share = select(1.0f / total, vec4<f32>(${nan}), blind);`,
      ...scaleSums('o', v, 'share'),
      ...storeSums('o', out, 'row', scope),
    );
  }
  if (logs) {
    const none = constant(Number.NEGATIVE_INFINITY, 'float32', helpers);
    lines.push(
      'if (held.y == 0) {',
      ...indent([
        begin(logs),
        `let log_sum = select(top + log(total), vec4<f32>(${none}), blind);`,
        ...ROWS_HELD.map(
          (i) =>
            `if (row + ${i} < ${q.rows}) { ${storeElement(logs, `(row + ${i})`, '0', `log_sum.${COMPONENTS[i]}`, scope)} }`,
        ),
      ]),
      '}',
    );
  }
  const operands = [q, k, ...(out ? [v] : []), ...(mask ? [mask] : [])];
  return blockPart('attention', q, shape, operands, lines);
}
