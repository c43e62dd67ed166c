/** Runs the cases of a suite on the default device. */
import { runModule } from './modules.js';
import { NotCovered, runOp } from './ops.js';
import type { Outcome } from './report.js';
import { runInit, runOptimizer, runScheduler } from './training.js';
import type { Json, Suite } from './vectors.js';

type Case = { [key: string]: Json };

const RUNNERS = {
  ops: runOp,
  modules: runModule,
  optim: runOptimizer,
  schedulers: runScheduler,
  init: runInit,
} satisfies Record<string, (suite: Suite, c: Case) => Promise<Outcome>>;

export type SuiteName = keyof typeof RUNNERS;
export const SUITES = Object.keys(RUNNERS) as readonly SuiteName[];

/** What became of a case; `op` is what it is a case of. */
export type OnCase = (suite: SuiteName, op: string, id: string, outcome: Outcome) => void;

export interface RunOptions {
  /** Source of a regular expression over `suite/id`: which cases run (default: all). */
  readonly only?: string;
}

/** Runs every case of a suite that is asked for, one after the other. */
export async function runSuite(
  name: SuiteName,
  suite: Suite,
  { only = '' }: RunOptions,
  onCase: OnCase,
): Promise<void> {
  const wanted = new RegExp(only);
  for (const c of suite.cases) {
    if (!wanted.test(`${name}/${c.id as string}`)) continue;
    onCase(name, c.op as string, c.id as string, await runCase(name, suite, c));
  }
}

/** What becomes of one case; an error is a failure, or "not covered" where we have no such function. */
export async function runCase(name: SuiteName, suite: Suite, c: Case): Promise<Outcome> {
  try {
    return await RUNNERS[name](suite, c);
  } catch (e) {
    const reason = e instanceof Error ? e.message.split('\n')[0] : String(e);
    return { kind: e instanceof NotCovered ? 'not covered' : 'failed', reason };
  }
}
