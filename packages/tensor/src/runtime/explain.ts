/** Shows what a tensor's computation becomes. */

import { DTYPES } from '../dtype.js';
import type { Node } from '../graph/node.js';
import { visitExprs } from '../kernel/expr.js';
import type { Expr, Kernel } from '../kernel/ir.js';
import { printKernel } from '../kernel/print.js';
import { phaseRoots } from '../kernel/traverse.js';
import { collect } from '../schedule/graph.js';
import { points } from '../schedule/part.js';
import { bytesOf } from '../schedule/plan.js';
import { planFor } from './compile.js';
import { deviceOf } from './device.js';

export interface KernelCost {
  /** Floating-point operations, one per scalar op and reduction step. */
  readonly flops: number;
  /** Bytes of all buffers that the kernel binds: what it must at least read and write. */
  readonly bytes: number;
}

export interface ExplainedKernel extends KernelCost {
  readonly name: string;
  /** Loop nests, as text. */
  readonly loops: string;
  /** What the backend generated. */
  readonly source: string;
  /** Whether a tuned program runs in place of the loops. */
  readonly specialized: boolean;
}

export interface Explanation {
  readonly kernels: readonly ExplainedKernel[];
  /** Scratch and result bytes at the peak. */
  readonly peakBytes: number;
  readonly flops: number;
  readonly bytes: number;
  toString(): string;
}

const FREE: ReadonlySet<string> = new Set([
  'where',
  'cast',
  'bitcast',
  'eq',
  'ne',
  'lt',
  'le',
  'and',
  'or',
  'xor',
  'not',
]);

/** Work of a kernel, counted from its loops. */
function kernelCost(kernel: Kernel): KernelCost {
  let flops = 0;
  for (const nest of kernel.nests) {
    for (const phase of nest.phases) {
      let perPoint = phase.reductions.length;
      const count = (e: Expr) => {
        if (e.kind === 'op' && DTYPES[e.dtype].float && !FREE.has(e.op)) perPoint++;
      };
      visitExprs(phaseRoots(phase), count);
      flops += perPoint * points(nest.outer) * points(phase.loops);
    }
  }
  const bytes = kernel.buffers.reduce(
    (sum, b) => sum + b.size * DTYPES[b.dtype].bytes * (b.access === 'readwrite' ? 2 : 1),
    0,
  );
  return { flops, bytes };
}

/** Plans the computation of a node without running it. */
export async function explainNode(node: Node): Promise<Explanation> {
  const device = deviceOf(node);
  const request = collect([node]);
  const plan = node.storage ? null : await planFor(device, request);
  const kernels: ExplainedKernel[] = [];
  for (const [i, step] of plan?.steps.entries() ?? []) {
    if (step.kind === 'host') {
      const { attrs } = plan!.graph.nodes[step.node];
      const name = (attrs as { name: string }).name;
      kernels.push({
        name,
        loops: '(computed on the host)',
        source: '',
        specialized: false,
        flops: 0,
        bytes: bytesOf(plan!.graph, step.node),
      });
      continue;
    }
    const { kernel } = step.bound;
    const program = plan!.programs[i]!;
    kernels.push({
      name: kernel.name,
      loops: printKernel(kernel),
      source: await program.source,
      specialized: program.specialized === true,
      ...kernelCost(kernel),
    });
  }
  const flops = kernels.reduce((sum, k) => sum + k.flops, 0);
  const bytes = kernels.reduce((sum, k) => sum + k.bytes, 0);
  return {
    kernels,
    peakBytes: plan?.peakBytes ?? 0,
    flops,
    bytes,
    toString: () =>
      [
        `${kernels.length} kernel${kernels.length === 1 ? '' : 's'}, ${flops} flops, ${bytes} bytes, peak ${plan?.peakBytes ?? 0} bytes`,
        ...kernels.map(
          (k) =>
            `${k.loops.trimEnd()}\n  ${k.flops} flops, ${k.bytes} bytes${k.specialized ? ', tuned program' : ''}`,
        ),
      ].join('\n'),
  };
}
