/**
 * Several threads that run one program after another over one memory. The same code runs in all of them: the caller, which
 * gives out jobs and works too, and its helpers.
 *
 * A job is a part of a program, cut into chunks of units; each member has its own stretch of chunks, so that it finds in its caches
 * what it wrote before, and takes over chunks of others when it is done. Chunks are taken by counting a ticket up.
 * Nobody waits for a member that is late: whoever is there does the work. Which member runs a chunk changes
 * no result.
 */

import type { PartFunction } from '../program.js';

/** What one job is: a part of a program and its arguments. */
export interface Job {
  /** Number of the program, and where its module lies in memory. */
  readonly program: number;
  readonly code: number;
  readonly codeBytes: number;
  readonly part: number;
  readonly units: number;
  /** How many pieces the units are cut into. */
  readonly chunks: number;
  /** Address of the argument block. */
  readonly args: number;
  /** Address of the working memory of the first member; the others' follow at `scratchStride` bytes. */
  readonly scratch: number;
  readonly scratchStride: number;
}

/** What became of a job: `stalled` means that a member took a chunk and did not come back with it. */
export type Outcome = 'done' | 'trapped' | 'stalled';

export interface Team {
  /**
   * Before the jobs of a plan: wakes helpers, so that they are there when the first one comes. False where the caller had better do
   * the plan alone, because helpers were held up lately: other programs have their cores.
   */
  begin(): boolean;
  /** The function of a job's part, its module compiled here if it has not been. */
  load(job: Job): PartFunction;
  /** Runs a job to its end; `run` is the caller's own function of the part. Rethrows what it throws, after the others are done. */
  run(job: Job, run: PartFunction): Outcome;
  /** Lets helpers sleep. */
  end(): void;
  /** Lets helpers return from `help`. */
  dismiss(): void;
  /** What a helper does, until it is dismissed. */
  help(member: number): void;
}

/** Bytes in front of a module's code in memory; the first word counts the threads that have compiled it. */
export const CODE_HEADER = 64;
/** Bytes of the block through which the members of a team talk. */
export const controlBytes = (members: number): number => 64 * (4 + members);

/**
 * Makes a member's view of the team. The text of this function is also the program of the helpers, so it must not refer to
 * anything outside of itself.
 *
 * @param members how many threads there are, the caller among them.
 * @param stallMs milliseconds without any progress after which a taken chunk counts as lost.
 */
export function createTeam(
  memory: WebAssembly.Memory,
  control: SharedArrayBuffer,
  members: number,
  stallMs: number,
): Team {
  // Places in the control block, in 32-bit words. What different members write lies in different cache lines.
  const WAKE = 0;
  const SLEEPERS = 1;
  const ACTIVE = 2;
  const QUIT = 3;
  const DONE = 16;
  const CALLER_WAITS = 17;
  const TRAPPED = 18;
  const BASE = 32;
  const FIELDS = [
    'program',
    'code',
    'codeBytes',
    'part',
    'units',
    'chunks',
    'args',
    'scratch',
    'scratchStride',
  ] as const;
  const field = (i: number): number => BASE + 1 + i;
  const [PROGRAM, CODE, CODE_BYTES, PART, UNITS, CHUNKS, ARGS, SCRATCH, STRIDE] = FIELDS.map((_, i) =>
    field(i),
  );
  const NEXT = 64;
  const LINE = 16;
  /** A wait of so many of the caller's own chunks, and so many milliseconds more, is no uneven cut: a helper is held up. */
  const PATIENCE = 3;
  const GRACE_MS = 0.1;
  /**
   * A plan that lost this share of its time so is followed by a pause without helpers, a few times as long as what was lost: twice as
   * long with each such plan, half as long with each other one.
   */
  const TOLERATED = 0.25;
  const MAX_DOUBLINGS = 8;
  const MAX_PAUSE_MS = 500;
  const HEADER = 64;
  /**
   * Looks at a word, of about five nanoseconds each, before sleeping: by a caller that waits for the last chunks, by a helper after
   * a plan (a training loop's next one comes in a fraction of a millisecond, and waking up takes a tenth), and within one.
   */
  const JOIN_SPINS = 20_000;
  const REST_SPINS = 100_000;
  const ACTIVE_SPINS = 400_000;

  const c = new Int32Array(control);
  const programs: PartFunction[][] = [];
  let planBegan = 0;
  let lostMs = 0;
  let aloneUntil = 0;
  let losses = 0;

  const cut = (count: number, pieces: number, i: number): number => Math.floor((count * i) / pieces);

  /** Takes a chunk of a member's stretch; −1 when there is none left. */
  function take(owner: number): number {
    const ticket = Atomics.add(c, NEXT + LINE * owner, 1);
    // Read after the ticket: a job cannot end, nor the next one begin, while a chunk of it is in somebody's hands.
    const base = Atomics.load(c, BASE);
    const chunks = Atomics.load(c, CHUNKS);
    const i = (ticket - base) | 0;
    // A late comer with a ticket of the job before may see the next one being written.
    if (i < 0 || Atomics.load(c, BASE) !== base) return -1;
    const chunk = cut(chunks, members, owner) + i;
    return chunk < cut(chunks, members, owner + 1) ? chunk : -1;
  }

  function runChunk(chunk: number, member: number, run: PartFunction): void {
    const [units, chunks] = [c[UNITS], c[CHUNKS]];
    run(cut(units, chunks, chunk), cut(units, chunks, chunk + 1), c[ARGS], c[SCRATCH] + member * c[STRIDE]);
  }

  function finishChunk(): void {
    const chunks = c[CHUNKS];
    if (Atomics.add(c, DONE, 1) + 1 === chunks && Atomics.load(c, CALLER_WAITS) === 1) {
      Atomics.notify(c, DONE);
    }
  }

  function load({ program, code, codeBytes, part }: Pick<Job, 'program' | 'code' | 'codeBytes' | 'part'>) {
    if (!programs[program]) {
      // Growing by nothing makes `buffer` as long as the memory has become in another thread.
      memory.grow(0);
      const bytes = new Uint8Array(memory.buffer, code + HEADER, codeBytes).slice();
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
      programs[program] = Object.values(exports) as PartFunction[];
      Atomics.add(new Int32Array(memory.buffer, code, 1), 0, 1);
    }
    return programs[program][part];
  }

  /** The function of the current job; only for who has a chunk of it. */
  const currentPart = (): PartFunction =>
    load({ program: c[PROGRAM], code: c[CODE] >>> 0, codeBytes: c[CODE_BYTES], part: c[PART] });

  /** Runs what there is to run. */
  function helpWithJob(member: number): void {
    for (let i = 0; i < members; i++) {
      const owner = (member + i) % members;
      for (let chunk = take(owner); chunk >= 0; chunk = take(owner)) {
        try {
          runChunk(chunk, member, currentPart());
        } catch {
          Atomics.store(c, TRAPPED, 1);
        }
        finishChunk();
      }
    }
  }

  /** Whether the word is another one than `known` within a number of looks. */
  function changes(word: number, known: number, spins: number): boolean {
    for (let i = 0; i < spins; i++) if (Atomics.load(c, word) !== known) return true;
    return false;
  }

  function awaitWork(known: number): void {
    if (changes(WAKE, known, REST_SPINS)) return;
    if (Atomics.load(c, ACTIVE) === 1 && changes(WAKE, known, ACTIVE_SPINS)) return;
    Atomics.add(c, SLEEPERS, 1);
    Atomics.wait(c, WAKE, known);
    Atomics.sub(c, SLEEPERS, 1);
  }

  function wake(): void {
    Atomics.add(c, WAKE, 1);
    if (Atomics.load(c, SLEEPERS) > 0) Atomics.notify(c, WAKE);
  }

  /** Waits until all chunks are done; false when nothing moves for `stallMs`. */
  function join(chunks: number): boolean {
    for (let i = 0; i < JOIN_SPINS; i++) if (Atomics.load(c, DONE) === chunks) return true;
    Atomics.store(c, CALLER_WAITS, 1);
    let done = Atomics.load(c, DONE);
    while (done !== chunks) {
      const woken = Atomics.wait(c, DONE, done, stallMs);
      const now = Atomics.load(c, DONE);
      if (woken === 'timed-out' && now === done) return false;
      done = now;
    }
    Atomics.store(c, CALLER_WAITS, 0);
    return true;
  }

  return {
    load,
    begin() {
      planBegan = performance.now();
      lostMs = 0;
      if (planBegan < aloneUntil) return false;
      Atomics.store(c, ACTIVE, 1);
      wake();
      return true;
    },
    run(job, run) {
      // Beyond every ticket that late comers may have drawn for the job before.
      const base = (c[BASE] + c[CHUNKS] + 2 * members + 2) | 0;
      Atomics.store(c, DONE, 0);
      Atomics.store(c, TRAPPED, 0);
      Atomics.store(c, BASE, base);
      FIELDS.forEach((name, i) => {
        Atomics.store(c, field(i), job[name]);
      });
      for (let i = 0; i < members; i++) Atomics.store(c, NEXT + LINE * i, base);
      wake();
      let failure: { readonly error: unknown } | null = null;
      let own = 0;
      const began = performance.now();
      for (let owner = 0; owner < members; owner++) {
        for (let chunk = take(owner); chunk >= 0; chunk = take(owner)) {
          try {
            if (!failure) runChunk(chunk, 0, run);
          } catch (error) {
            failure = { error };
          }
          finishChunk();
          own++;
        }
      }
      const finished = performance.now();
      if (!join(job.chunks)) return 'stalled';
      const waited = performance.now() - finished;
      if (waited > (PATIENCE * (finished - began)) / Math.max(own, 1) + GRACE_MS) lostMs += waited;
      if (failure) throw failure.error;
      return Atomics.load(c, TRAPPED) === 1 ? 'trapped' : 'done';
    },
    end() {
      if (Atomics.exchange(c, ACTIVE, 0) === 0) return;
      const now = performance.now();
      if (lostMs > TOLERATED * (now - planBegan)) {
        losses = Math.min(losses + 1, MAX_DOUBLINGS);
        aloneUntil = now + Math.min(lostMs * 2 ** losses, MAX_PAUSE_MS);
      } else losses = Math.max(losses - 1, 0);
    },
    dismiss() {
      Atomics.store(c, QUIT, 1);
      wake();
    },
    help(member) {
      for (let known = Atomics.load(c, WAKE); Atomics.load(c, QUIT) === 0; known = Atomics.load(c, WAKE)) {
        helpWithJob(member);
        if (Atomics.load(c, QUIT) === 0) awaitWork(known);
      }
    },
  };
}
