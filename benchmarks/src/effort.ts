/** How long is measured. */
export interface Effort {
  readonly rounds: number;
  /** Measured in each round, at least one call. */
  readonly roundMs: number;
  /** Calls that are not counted before all others: for most of a second engines compile hot code again, on the cores that the row wants. */
  readonly warmUpMs: number;
  /** Processes for a row that each of them times once. */
  readonly processes: number;
}

export const FULL: Effort = { rounds: 9, roundMs: 80, warmUpMs: 1000, processes: 7 };
/** On a GPU counts are what is compared, and a software adapter is slow. */
export const ON_GPU: Effort = { rounds: 5, roundMs: 50, warmUpMs: 300, processes: 1 };
export const QUICK: Effort = { rounds: 3, roundMs: 30, warmUpMs: 300, processes: 3 };
