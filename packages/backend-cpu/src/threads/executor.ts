/** How submitted work is carried out: by the caller alone, by the caller and helpers, or behind the caller's back. */
import type { CpuProgram } from '../program.js';

/** A program with the addresses that it runs on. */
export interface Run {
  readonly program: CpuProgram;
  /** Address of its argument block. */
  readonly args: number;
}

/** Working memory of a list of runs: one stretch of `stride` bytes for each thread. */
export interface Scratch {
  readonly address: number;
  readonly stride: number;
}

export interface Executor {
  /** Threads that run units, each with working memory of its own. */
  readonly threads: number;
  /**
   * Carries out runs in order; returns their ticket. They may still be running then (see `idle`). Throws DeviceError where they
   * have failed already.
   */
  submit(runs: readonly Run[], scratch: Scratch): number;
  /** Copies bytes to an address, after what was submitted before. */
  write(address: number, bytes: Uint8Array): void;
  /** Resolves, never rejects, when everything submitted is over; null when nothing is on its way. */
  idle(): Promise<void> | null;
  /** What went wrong with the runs of a ticket, once they are over. */
  failureOf(ticket: number): Error | null;
  destroy(): void;
}

/** Of executors whose `submit` returns when everything is done. */
export const FINISHED_AT_ONCE = { idle: () => null, failureOf: () => null } as const;

/** Everything at once in the calling thread. */
export function createSequential(bytes: () => Uint8Array): Executor {
  return {
    threads: 1,
    submit(runs, scratch) {
      for (const { program, args } of runs) {
        for (const { units, run } of program.parts) run(0, units, args, scratch.address);
      }
      return 0;
    },
    write: (address, data) => bytes().set(data, address),
    ...FINISHED_AT_ONCE,
    destroy() {},
  };
}
