/** Cutting programs into jobs for a team. */
import type { CpuProgram, ProgramPart } from '../program.js';
import type { Run, Scratch } from './executor.js';
import type { Modules } from './modules.js';
import type { Job } from './team.js';

/** Among how many threads work is cut, and from how much on. */
export interface Cutting {
  readonly threads: number;
  /** Instructions, roughly, for which it pays to call others. */
  readonly minWork: number;
}

/** Some microseconds. */
export const MIN_WORK = 50_000;
/** Instructions that a chunk should have at least, and how many chunks each thread has where there is enough to do. */
const CHUNK_WORK = 12_000;
const CHUNKS_PER_THREAD = 4;

/** How many chunks a part is cut into; 1 where one thread had better do it alone. */
export function chunksOf(
  { units, work }: Pick<ProgramPart, 'units' | 'work'>,
  { threads, minWork }: Cutting,
): number {
  if (units < 2 || work < minWork) return 1;
  return Math.min(units, threads * CHUNKS_PER_THREAD, Math.max(2, Math.floor(work / CHUNK_WORK)));
}

/** Instructions of the parts that are worth more than one thread. */
export function sharedWork(runs: readonly Run[], cutting: Cutting): number {
  let work = 0;
  for (const { program } of runs)
    for (const part of program.parts) if (chunksOf(part, cutting) > 1) work += part.work;
  return work;
}

/** The job that one part of a run is. */
export function jobOf(
  { program, args }: { readonly program: CpuProgram; readonly args: number },
  part: number,
  cutting: Cutting,
  { address, stride }: Scratch,
  modules: Modules,
): Job {
  const facts = program.parts[part];
  return {
    ...modules.publish(program),
    part,
    units: facts.units,
    chunks: chunksOf(facts, cutting),
    args,
    scratch: address,
    scratchStride: stride,
  };
}
