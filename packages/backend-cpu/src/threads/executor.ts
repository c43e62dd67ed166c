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
  /** A copy of bytes at an address, as they are after what was submitted before, whatever is submitted afterwards. */
  read(address: number, length: number): Uint8Array | Promise<Uint8Array>;
  /** Resolves, never rejects, when everything submitted is over; null when nothing is on its way. */
  idle(): Promise<void> | null;
  /** What went wrong with the runs of a ticket, once they are over. */
  failureOf(ticket: number): Error | null;
  destroy(): void;
}

/** What executors have in common whose `submit` returns when everything is done; `bytes` gives the memory as it is now. */
export const finishedAtOnce = (
  bytes: () => Uint8Array,
): Pick<Executor, 'write' | 'read' | 'idle' | 'failureOf'> => ({
  write: (address, data) => bytes().set(data, address),
  read: (address, length) => bytes().slice(address, address + length),
  idle: () => null,
  failureOf: () => null,
});

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
    ...finishedAtOnce(bytes),
    destroy() {},
  };
}
