/** Runs the cases of a folder of vectors on the default device, suite by suite. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runModule } from './modules.js';
import { NotCovered, runOp } from './ops.js';
import type { Outcome } from './report.js';
import { runInit, runOptimizer, runScheduler } from './training.js';
import { type Json, openSuite, type Suite } from './vectors.js';

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

/** The suites that a folder has. */
export const suitesIn = (folder: string): SuiteName[] =>
  SUITES.filter((s) => existsSync(join(folder, s, 'index.jsonl')));

export type OnCase = (suite: SuiteName, op: string, id: string, outcome: Outcome) => void;

/** Runs every case, or those whose `suite/id` matches `only`, one after the other. */
export async function runVectors(
  folder: string,
  options: { readonly only?: RegExp },
  onCase: OnCase,
): Promise<void> {
  for (const name of suitesIn(folder)) {
    const suite = openSuite(join(folder, name));
    for (const c of suite.cases) {
      if (options.only && !options.only.test(`${name}/${c.id as string}`)) continue;
      onCase(name, c.op as string, c.id as string, await runCase(name, suite, c));
    }
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
