/** What kernels and custom ops cost, counted and not measured. */
import { DTYPES } from '../dtype.js';
import { visitExprs } from '../kernel/expr.js';
import type { Expr, Kernel } from '../kernel/ir.js';
import { phaseRoots } from '../kernel/traverse.js';
import { points } from '../schedule/part.js';
import { bytesOf, type Plan } from '../schedule/plan.js';
import type { KernelCost } from './explain.js';

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
export function kernelCost(kernel: Kernel): KernelCost {
  let flops = kernel.named?.flops ?? 0;
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

/** A custom op, whose work nobody knows. */
export function hostStepOf({ graph }: Plan, node: number): KernelCost & { readonly name: string } {
  const { name } = graph.nodes[node].attrs as { name: string };
  return { name, flops: 0, bytes: bytesOf(graph, node) };
}
