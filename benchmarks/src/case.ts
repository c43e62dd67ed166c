/** What a peer makes of a row, and what the process that runs it says about it. */
import type { Inputs } from './inputs.js';
import type { RowName } from './rows.js';

/** A row made ready by a peer. */
export interface Case {
  /** What is timed: one call, over when its result is there. */
  run(): void | Promise<void>;
  /** The results to compare, in the order and the layouts of PyTorch's. Called once, before `run` but for what is timed once. */
  check(): Promise<Float32Array[]>;
}

/** Makes a row's case. One that throws is reported with its message. */
export type MakeCase = (inputs: Inputs) => Case | Promise<Case>;

/** A peer's program: every row by name, or in a few words why it has none. */
export type PeerRows = Readonly<Record<RowName, MakeCase | string>>;

/** The case of a row that the peer has. */
export function makeCase(rows: Partial<PeerRows>, row: RowName, inputs: Inputs): Case | Promise<Case> {
  const make = rows[row];
  if (typeof make !== 'function') throw new Error(make ?? `${row} is not loaded`);
  return make(inputs);
}

/** From the bench to a peer's process, a line of JSON on its stdin: measure for about `ms`, in at most `calls` calls. */
export interface MeasureRequest {
  readonly ms: number;
  readonly calls: number;
}

/** From a peer's process, a line of JSON on file descriptor 3. */
export type Answer =
  /** Ready: the results are in the file whose name it was given, so many numbers each; one call has been timed. */
  | { readonly ready: { readonly firstMs: number; readonly lengths: readonly number[] } }
  | { readonly times: readonly number[] }
  | { readonly error: string };
