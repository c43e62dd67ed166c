/** Kernels of attention: which calls have one, and which it is. */
import type { Capabilities, Kernel, NamedCall } from '@neurite/tensor';
import { assemble, createScope, type Shader } from '../module.js';
import { gradKeyValuePart, gradQueryPart } from './backward.js';
import { chooseBlock, groupOf } from './block.js';
import { forwardPart } from './forward.js';
import { batchesOf, operand } from './operand.js';

/** The widest rows whose sums an invocation can hold. */
const WIDEST = 128;

const isTaken = ({ inputs }: NamedCall): boolean =>
  inputs.every(({ dtype }) => dtype === 'float32' || dtype === 'bool') &&
  inputs.slice(0, 3).every(({ shape }) => shape.at(-1)! <= WIDEST);

/** The named ops of this backend. */
export const NAMED_OPS: Capabilities['namedOps'] = {
  attention: isTaken,
  attentionLogSumExp: isTaken,
  attentionGradQuery: isTaken,
  attentionGradKey: isTaken,
  attentionGradValue: isTaken,
};

/** The shader of a named kernel; `storage`: bytes of memory that a workgroup may have. */
export function namedShader(kernel: Kernel, storage: number): Shader | null {
  const { named } = kernel;
  if (!named) return null;
  const scope = createScope(kernel);
  const [q, k, v] = named.inputs.map((view) => operand('', view));
  const isByKeys = named.op === 'attentionGradKeyValue';
  const rows = isByKeys ? k.rows : q.rows;
  const shape = chooseBlock(rows, batchesOf(q), [q.columns, v.columns], storage);
  const part =
    named.op === 'attention'
      ? forwardPart(named, shape, scope)
      : isByKeys
        ? gradKeyValuePart(named, shape, scope)
        : gradQueryPart(named, shape, scope);
  return assemble(scope, [part], groupOf(shape));
}
