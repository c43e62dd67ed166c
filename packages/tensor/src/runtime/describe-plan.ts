/** Plans as text, with what they cost. */
import { printKernel } from '../kernel/print.js';
import type { CompiledPlan } from './compile.js';
import type { ExplainedKernel, Explanation } from './explain.js';
import { hostStepOf, kernelCost } from './kernel-cost.js';

/** Describes a plan; null is that of a tensor that has its value. */
export async function describePlan(plan: CompiledPlan | null): Promise<Explanation> {
  const kernels: ExplainedKernel[] = [];
  for (const [i, step] of plan?.steps.entries() ?? []) {
    if (step.kind === 'host') {
      const loops = '(computed on the host)';
      kernels.push({ ...hostStepOf(plan!, step.node), loops, source: '', specialized: false });
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
