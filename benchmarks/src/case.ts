/** What a peer makes of a row, and what the process that runs it says about it. */
import type { Inputs } from './inputs.js';
import type { RowName } from './rows.js';

/** A row made ready by a peer. */
export interface Case {
  /** What is timed: one call, over when its result is there. */
  run(): void | Promise<void>;
  /** The results to compare, one array after the other; called once, before `run`. */
  check(): Promise<Float32Array[]>;
}

/** A peer's program: every row it has, by name. One that throws is reported with its message. */
export type PeerRows = Readonly<Record<RowName, (inputs: Inputs) => Case | Promise<Case>>>;

/** From the bench to a peer's process, a line of JSON on its stdin: measure for about `ms`, in at most `calls` calls. */
export interface MeasureRequest {
  readonly ms: number;
  readonly calls: number;
}

/** From a peer's process, a line of JSON on file descriptor 3. */
export type Answer =
  /** Ready: the checked results are in the file whose name it was given, one call has been timed. */
  | { readonly ready: { readonly firstMs: number } }
  | { readonly times: readonly number[] }
  | { readonly error: string };
