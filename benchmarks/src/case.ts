/** What a peer makes of a row, and what the process that runs it says about it. */
import type { StepCounts } from './gpu/counts.js';
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

/** What a peer says when the results are in the file whose name it was given, and one call has been timed. */
export interface Ready {
  readonly firstMs: number;
  /** How many numbers each result has. */
  readonly lengths: readonly number[];
  /** What its steps ask of the GPU, where that is counted. */
  readonly counts?: StepCounts;
}

/** From a peer's process, a line of JSON on file descriptor 3. */
export type Answer =
  | { readonly ready: Ready }
  | { readonly times: readonly number[] }
  | { readonly error: string };
