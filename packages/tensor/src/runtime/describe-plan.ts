/** Plans as text, with what they cost. */
import { DTYPES } from '../dtype.js';
import { visitExprs } from '../kernel/expr.js';
import type { Expr, Kernel } from '../kernel/ir.js';
import { printKernel } from '../kernel/print.js';
import { phaseRoots } from '../kernel/traverse.js';
import { points } from '../schedule/part.js';
import { bytesOf } from '../schedule/plan.js';
import type { CompiledPlan } from './compile.js';
import type { ExplainedKernel, Explanation, KernelCost } from './explain.js';

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

/** Describes a plan; null is that of a tensor that has its value. */
export async function describePlan(plan: CompiledPlan | null): Promise<Explanation> {
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
