/** What all kernels of attention begin with: each workgroup has a block of rows of a batch. */
import type { ModulePart } from '../module.js';
import { indent } from '../nest.js';
import { ACROSS, type BlockShape } from './block.js';
import { batchesOf, begin, type Operand } from './operand.js';

/** A kernel by blocks of `rows`: a function of the block, with the operands' beginnings, and the four rows from `row` on for an invocation. */
export function blockPart(
  name: string,
  rows: Operand,
  shape: BlockShape,
  operands: readonly Operand[],
  lines: readonly string[],
): ModulePart {
  const down = Math.ceil(rows.rows / shape.rows);
  const start = [
    `let batch = block / ${down};`,
    `let first = block % ${down} * ${shape.rows};`,
    `let held = vec2<i32>(local / ${ACROSS}, local % ${ACROSS});`,
    'let row = first + held.x * 4;',
    ...operands.map(begin),
  ];
  const text = [`fn ${name}(block: i32, local: i32) {`, ...indent([...start, ...lines]), '}'].join('\n');
  return { name, text, workgroups: down * batchesOf(rows) };
}
