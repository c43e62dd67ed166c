/** Cutting programs into jobs for a team. */
import type { CpuProgram, ProgramPart } from '../program.js';
import type { Run, Scratch } from './executor.js';
import type { Modules } from './modules.js';
import type { Job } from './team.js';

/** Instructions for which it pays to call others: some microseconds. */
const MIN_WORK = 50_000;
/** Instructions that a chunk should have at least, and how many chunks each thread has where there is enough to do. */
const CHUNK_WORK = 12_000;
const CHUNKS_PER_THREAD = 4;

/** How many chunks a part is cut into; 1 where one thread had better do it alone. */
export function chunksOf({ units, work }: Pick<ProgramPart, 'units' | 'work'>, threads: number): number {
  if (units < 2 || work < MIN_WORK) return 1;
  return Math.min(units, threads * CHUNKS_PER_THREAD, Math.max(2, Math.floor(work / CHUNK_WORK)));
}

/** Whether any part of the programs is worth more than one thread. */
export const wantsHelp = (runs: readonly Run[], threads: number): boolean =>
  runs.some(({ program }) => program.parts.some((part) => chunksOf(part, threads) > 1));

/** The job that one part of a run is. */
export function jobOf(
  { program, args }: { readonly program: CpuProgram; readonly args: number },
  part: number,
  threads: number,
  { address, stride }: Scratch,
  modules: Modules,
): Job {
  const facts = program.parts[part];
  return {
    ...modules.publish(program),
    part,
    units: facts.units,
    chunks: chunksOf(facts, threads),
    args,
    scratch: address,
    scratchStride: stride,
  };
}
