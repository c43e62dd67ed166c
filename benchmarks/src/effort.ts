/** How long is measured. */
export interface Effort {
  readonly rounds: number;
  /** Measured in each round, at least one call. */
  readonly roundMs: number;
  /** Rounds that warm up: engines compile hot code again after it has run for a while. */
  readonly warmUpRounds: number;
  /** Processes for a row that each of them times once. */
  readonly processes: number;
}

export const FULL: Effort = { rounds: 9, roundMs: 80, warmUpRounds: 2, processes: 7 };
export const QUICK: Effort = { rounds: 3, roundMs: 30, warmUpRounds: 1, processes: 3 };
