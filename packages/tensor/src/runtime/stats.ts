/** Counters of what the framework did since the process started (or since `resetStats`). */
export interface Stats {
  /** Graph nodes recorded. */
  nodesRecorded: number;
  /** Plans made by the scheduler. */
  plansBuilt: number;
  /** Requests answered by a cached plan. */
  plansReused: number;
  /** Kernels compiled (or specialised) by a backend. */
  programsCompiled: number;
  /** Kernels run. */
  kernelsRun: number;
  /** Device bytes allocated, in total. */
  bytesAllocated: number;
  /** Steps that ran on the host: custom ops, and kernels with a dtype that the device lacks. */
  hostStepsRun: number;
}

export const stats: Stats = {
  nodesRecorded: 0,
  plansBuilt: 0,
  plansReused: 0,
  programsCompiled: 0,
  kernelsRun: 0,
  bytesAllocated: 0,
  hostStepsRun: 0,
};

/** Sets every counter to zero. */
export function resetStats(): void {
  for (const k of Object.keys(stats) as (keyof Stats)[]) stats[k] = 0;
}
