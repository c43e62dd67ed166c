/** Shows what a tensor's computation becomes. */
import type { Node } from '../graph/node.js';
import { collect } from '../schedule/graph.js';
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

/** Plans the computation of a node without running it. */
export async function explainNode(node: Node): Promise<Explanation> {
  const device = deviceOf(node);
  const request = collect([node]);
  const plan = node.storage ? null : planFor(device, request);
  // The graph may go on changing meanwhile: the plan does not.
  const { describePlan } = await import('./describe-plan.js');
  return describePlan(await plan);
}
