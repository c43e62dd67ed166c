/** What the coordinator does, a worker in the place of a page's main thread. */
import type { Job, Outcome, Team } from './team.js';

/** A job and the name of its kernel. */
interface NamedJob {
  readonly job: Job;
  readonly name: string;
}

/** Jobs to run, bytes to put at an address, or bytes to fetch from one. */
export type Request =
  | { readonly jobs: readonly NamedJob[] }
  | { readonly address: number; readonly bytes: Uint8Array }
  | { readonly address: number; readonly length: number };

/** What a coordinator answers to each request, in order. */
export interface Reply {
  readonly outcome: Outcome;
  readonly name: string;
  readonly message: string;
  /** What was to be fetched. */
  readonly bytes?: Uint8Array;
}

/** The coordinator's side; its text is sent there, so it must not refer to anything outside of itself. */
export function coordinate(team: Team, memory: WebAssembly.Memory): (request: Request) => Reply {
  const done: Reply = { outcome: 'done', name: '', message: '' };
  function runJob({ job, name }: NamedJob, helped: boolean): Reply {
    try {
      const run = team.load(job);
      if (job.chunks === 1 || !helped) run(0, job.units, job.args, job.scratch);
      else return { outcome: team.run(job, run), name, message: '' };
      return done;
    } catch (error) {
      return { outcome: 'trapped', name, message: (error as Error).message };
    }
  }
  return (request) => {
    if ('address' in request) {
      memory.grow(0);
      const { address } = request;
      const all = new Uint8Array(memory.buffer);
      if ('length' in request) return { ...done, bytes: all.slice(address, address + request.length) };
      all.set(request.bytes, address);
      return done;
    }
    const helped = team.begin();
    let reply = done;
    for (let i = 0; i < request.jobs.length && reply.outcome === 'done'; i++)
      reply = runJob(request.jobs[i], helped);
    team.end();
    return reply;
  };
}
