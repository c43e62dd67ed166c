/** The pool where the calling thread may wait: it gives out jobs and works itself. */
import { DeviceError } from '@neurite/tensor';
import type { LinearMemory } from '../memory.js';
import { type Executor, finishedAtOnce, type Run, type Scratch } from './executor.js';
import { chunksOf, jobOf, MIN_WORK, sharedWork } from './jobs.js';
import { createModules, type Modules } from './modules.js';
import { type Spawn, type Thread, threadSource } from './spawn.js';
import { controlBytes, createTeam, type Team } from './team.js';

/** Without any progress for so long, a thread that has taken work counts as lost. */
export const STALL_MS = 20_000;
/**
 * Starting threads takes tens of milliseconds, a few of them the caller's: they come after so many times the least work that is worth
 * sharing, or with a submission of so much.
 */
const HIRE_AFTER = 20;
const HIRE_AT_ONCE = 10_000;
/** How often lost threads are replaced before the caller goes on alone. */
export const MAX_RESTARTS = 3;

export interface PoolOptions {
  readonly threads: number;
  /** See `Cutting`. */
  readonly minWork?: number;
  readonly spawn: Spawn;
  readonly stallMs?: number;
  /** Hears of helpers that are lost. */
  readonly warn: (message: string) => void;
}

/** Helpers that work together, with what they share. */
interface Crew {
  readonly team: Team;
  readonly modules: Modules;
  readonly threads: readonly Thread[];
}

/** Helpers start when there is something for them to do. */
export function createPool(memory: LinearMemory, options: PoolOptions): Executor {
  const { threads, minWork = MIN_WORK, spawn, stallMs = STALL_MS, warn } = options;
  const cutting = { threads, minWork };
  let crew: Crew | null = null;
  let restarts = 0;
  let alone = false;
  /** Work that helpers could have had part in. */
  let missed = 0;

  function hire(): Crew {
    const control = new SharedArrayBuffer(controlBytes(threads));
    const source = threadSource();
    const helpers: Thread[] = [];
    let lost = 0;
    const onFailure = (reason: string) => {
      warn(`cpu: a worker thread is lost (${reason}); going on with the others`);
      if (++lost === threads - 1) dismiss();
    };
    try {
      for (let member = 1; member < threads; member++) {
        helpers.push(
          spawn(source, { memory: memory.memory, control, members: threads, member, stallMs }, { onFailure }),
        );
      }
    } catch (e) {
      warn(`cpu: worker threads cannot start (${(e as Error).message}); going on with ${helpers.length + 1}`);
      alone = helpers.length === 0;
    }
    return {
      team: createTeam(memory.memory, control, threads, stallMs),
      modules: createModules(memory, helpers.length),
      threads: helpers,
    };
  }

  function dismiss(): void {
    crew?.team.dismiss();
    crew?.modules.clear();
    for (const thread of crew?.threads ?? []) thread.terminate();
    crew = null;
    if (++restarts > MAX_RESTARTS) alone = true;
  }

  function runWithHelp(run: Run, part: number, scratch: Scratch, { team, modules }: Crew): void {
    const outcome = team.run(jobOf(run, part, cutting, scratch, modules), run.program.parts[part].run);
    if (outcome === 'done') return;
    const { name } = run.program.kernel;
    if (outcome === 'trapped') throw new DeviceError(`cpu: ${name} failed in a worker thread`);
    dismiss();
    throw new DeviceError(
      `cpu: a worker thread that was running ${name} is gone or has hung: no progress for ${stallMs} ms; the next step gets new threads`,
    );
  }

  function runAll(runs: readonly Run[], scratch: Scratch, helpers: Crew | null): void {
    for (const run of runs) {
      run.program.parts.forEach((part, i) => {
        if (helpers && chunksOf(part, cutting) > 1) runWithHelp(run, i, scratch, helpers);
        else part.run(0, part.units, run.args, scratch.address);
      });
    }
  }

  return {
    threads,
    submit(runs, scratch) {
      const work = alone ? 0 : sharedWork(runs, cutting);
      const wanted = crew || missed >= HIRE_AFTER * minWork || work >= HIRE_AT_ONCE * minWork;
      if (work === 0 || !wanted) {
        missed += work;
        runAll(runs, scratch, null);
        return 0;
      }
      crew ??= hire();
      const { team } = crew;
      const helpers = team.begin() ? crew : null;
      try {
        runAll(runs, scratch, helpers);
      } finally {
        team.end();
      }
      return 0;
    },
    ...finishedAtOnce(memory.bytes),
    destroy: dismiss,
  };
}
