/**
 * The pool of a page's main thread, which may not wait: a worker takes its place as the caller. Work is queued there and runs
 * while the page goes on; `idle` tells when it is done.
 */
import { DeviceError } from '@neurite/tensor';
import type { LinearMemory } from '../memory.js';
import type { Reply, Request } from './coordinate.js';
import type { Executor } from './executor.js';
import { jobOf, MIN_WORK } from './jobs.js';
import { createModules, type Modules } from './modules.js';
import { MAX_RESTARTS, type PoolOptions, STALL_MS } from './pool.js';
import { type Thread, threadSource } from './spawn.js';
import { controlBytes } from './team.js';

interface Crew {
  readonly coordinator: Thread;
  readonly helpers: readonly Thread[];
  readonly modules: Modules;
}

/** Tickets whose results are lost. */
interface Lost {
  readonly from: number;
  readonly to: number;
  readonly error: DeviceError;
}

interface Reading {
  readonly address: number;
  readonly length: number;
  resolve(bytes: Uint8Array): void;
}

interface Waiter {
  resolve(): void;
  reject(reason: unknown): void;
}

/** Starts the coordinator and its helpers. Rejects with DeviceError, the reason, when the coordinator cannot start. */
export function createCoordinated(memory: LinearMemory, options: PoolOptions): Promise<Executor> {
  const { threads, minWork = MIN_WORK, spawn, stallMs = STALL_MS, warn } = options;
  const cutting = { threads, minWork };
  let crew: Crew | null = null;
  let hired = 0;
  /** Ticket of the latest request, and of the latest that was answered. */
  let asked = 0;
  let answered = 0;
  const lost: Lost[] = [];
  let waiters: (() => void)[] = [];

  /** By the ticket of the request. */
  const reading = new Map<number, Reading>();

  function settle(): void {
    const waiting = waiters;
    waiters = [];
    for (const resolve of waiting) resolve();
  }

  /** What is on its way works with the results of the request that failed, so it is lost too. */
  function fail(ticket: number, reason: string): void {
    if (ticket <= (lost.at(-1)?.to ?? 0)) return;
    lost.push({ from: ticket, to: asked, error: new DeviceError(`cpu: ${reason}`) });
  }

  function dismiss(): void {
    if (!crew) return;
    for (const thread of [crew.coordinator, ...crew.helpers]) thread.terminate();
    crew.modules.clear();
    crew = null;
  }

  /** What a lost thread has in hand cannot be had back, so everything on its way is lost; the next request gets new threads. */
  function lose(reason: string): void {
    fail(answered + 1, `${reason}; the next step gets new threads`);
    answered = asked;
    dismiss();
    for (const { address, length, resolve } of reading.values()) resolve(copy(address, length));
    reading.clear();
    settle();
  }

  function onReply({ outcome, name, message, bytes }: Reply): void {
    if (outcome === 'stalled') {
      lose(`a worker thread that was running ${name} is gone or has hung: no progress for ${stallMs} ms`);
      return;
    }
    answered++;
    if (bytes) {
      reading.get(answered)!.resolve(bytes);
      reading.delete(answered);
    }
    if (outcome === 'trapped') fail(answered, `${name} failed: ${message || 'in a worker thread'}`);
    if (answered === asked) settle();
  }

  /** Starts all threads. The first answer of the coordinator says that it is there. */
  function hire(ready: Waiter): Crew {
    if (hired++ > MAX_RESTARTS) throw new DeviceError('cpu: worker threads were lost too often');
    const control = new SharedArrayBuffer(controlBytes(threads));
    const source = threadSource();
    const setup = (member: number) => ({ memory: memory.memory, control, members: threads, member, stallMs });
    let isThere = false;
    const coordinator = spawn(source, setup(0), {
      onReply(reply) {
        if (isThere) return onReply(reply);
        isThere = true;
        ready.resolve();
      },
      onFailure(reason) {
        if (isThere) lose(`the coordinating worker is lost (${reason})`);
        else ready.reject(new DeviceError(reason));
      },
    });
    const onFailure = (reason: string) =>
      warn(`cpu: a worker thread is lost (${reason}); going on with the others`);
    const helpers = Array.from({ length: threads - 1 }, (_, i) => spawn(source, setup(i + 1), { onFailure }));
    return { coordinator, helpers, modules: createModules(memory, threads) };
  }

  /** The threads, new ones where they were lost. What is posted to a thread before it is there waits for it. */
  function present(): Crew {
    crew ??= hire({ resolve() {}, reject: (e) => lose((e as Error).message) });
    return crew;
  }

  function ask({ coordinator }: Crew, request: Request): number {
    coordinator.post(request);
    return ++asked;
  }

  const copy = (address: number, length: number): Uint8Array =>
    memory.bytes().slice(address, address + length);

  const executor: Executor = {
    threads,
    submit(runs, scratch) {
      const workers = present();
      const jobs = runs.flatMap((run) =>
        run.program.parts.map((_, part) => ({
          job: jobOf(run, part, cutting, scratch, workers.modules),
          name: run.program.kernel.name,
        })),
      );
      return ask(workers, { jobs });
    },
    write(address, bytes) {
      if (answered === asked) memory.bytes().set(bytes, address);
      else ask(present(), { address, bytes: bytes.slice() });
    },
    read(address, length) {
      if (answered === asked) return copy(address, length);
      return new Promise((resolve) => {
        reading.set(ask(present(), { address, length }), { address, length, resolve });
      });
    },
    idle: () => (answered === asked ? null : new Promise((resolve) => waiters.push(resolve))),
    failureOf: (ticket) => lost.find(({ from, to }) => from <= ticket && ticket <= to)?.error ?? null,
    destroy: dismiss,
  };
  return new Promise((resolve, reject) => {
    try {
      crew = hire({
        resolve: () => resolve(executor),
        reject(reason) {
          dismiss();
          reject(reason);
        },
      });
    } catch (e) {
      reject(new DeviceError((e as Error).message));
    }
  });
}
