/**
 * Runs PyTorch vectors on a backend: `npm run conformance -- --vectors DIR --backend NAME`.
 * Prints per op what passed, failed and is not covered; the last line is `N passed, M failed`.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cpu } from '@neurite/backend-cpu';
import { type BackendFactory, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { runModule } from './modules.js';
import { NotCovered, runOp } from './ops.js';
import { createReport, type Outcome } from './report.js';
import { runInit, runOptimizer, runScheduler } from './training.js';
import { type Json, openSuite, type Suite } from './vectors.js';

const BACKENDS: Readonly<Record<string, () => BackendFactory>> = {
  cpu: () => cpu(),
  reference: () => reference(),
};

type Runner = (suite: Suite, c: { [key: string]: Json }) => Promise<Outcome>;
const RUNNERS: Readonly<Record<string, Runner>> = {
  ops: runOp,
  modules: runModule,
  optim: runOptimizer,
  schedulers: runScheduler,
  init: runInit,
};

const USAGE = `usage: npm run conformance -- --vectors DIR [--backend ${Object.keys(BACKENDS).join('|')}] [--only PATTERN] [--verbose]`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      vectors: { type: 'string' },
      backend: { type: 'string', default: 'cpu' },
      only: { type: 'string' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const make = BACKENDS[values.backend];
  if (!values.vectors || !make) {
    console.error(values.vectors ? `no backend ${values.backend}\n${USAGE}` : USAGE);
    return 2;
  }
  const suites = Object.keys(RUNNERS).filter((s) => existsSync(join(values.vectors!, s, 'index.jsonl')));
  if (suites.length === 0) {
    console.error(
      `no vectors in ${values.vectors}: expected folders ${Object.keys(RUNNERS).join(', ')} with an index.jsonl each`,
    );
    return 2;
  }
  const device = await use(make());
  const report = createReport();
  const only = values.only ? new RegExp(values.only) : null;
  for (const name of suites) {
    const suite = openSuite(join(values.vectors, name));
    for (const c of suite.cases) {
      if (only && !only.test(`${name}/${c.id as string}`)) continue;
      let outcome: Outcome;
      try {
        outcome = await RUNNERS[name](suite, c);
      } catch (e) {
        const reason = e instanceof Error ? e.message.split('\n')[0] : String(e);
        outcome = { kind: e instanceof NotCovered ? 'not covered' : 'failed', reason };
      }
      report.add(name, c.op as string, c.id as string, outcome);
    }
  }
  report.print(values.verbose, console.log);
  await device.destroy();
  return 0;
}

process.exitCode = await main();
