/** The kernels of attention. Loaded with the first of them. */
import type { Kernel } from '@neurite/tensor';
import { assemble, createScope, type Shader } from '../module.js';
import { gradKeyValuePart, gradQueryPart } from './backward.js';
import { chooseBlock, groupOf } from './block.js';
import { forwardPart } from './forward.js';
import { batchesOf, operand } from './operand.js';

/** The shader of a named kernel; `storage`: bytes of memory that a workgroup may have; `hasHalf`: whether there is f16. */
export function namedShader(kernel: Kernel, storage: number, hasHalf: boolean): Shader {
  const named = kernel.named!;
  const scope = createScope(kernel, { hasHalf });
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
