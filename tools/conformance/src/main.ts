/**
 * Runs PyTorch vectors on a backend: `npm run conformance -- --vectors DIR --backend NAME`.
 * Prints per op what passed, failed and is not covered; the last line is `N passed, M failed`.
 */
import { parseArgs } from 'node:util';
import { cpu } from '@neurite/backend-cpu';
import { type BackendFactory, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { createReport } from './report.js';
import { runVectors, SUITES, suitesIn } from './run.js';
import { type CaseId, writeSubset } from './subset.js';

const BACKENDS: Readonly<Record<string, () => BackendFactory>> = {
  cpu: () => cpu(),
  reference: () => reference(),
};

const USAGE = `usage: npm run conformance -- --vectors DIR [--backend ${Object.keys(BACKENDS).join('|')}] [--only PATTERN] [--verbose] [--subset DIR]`;

/** `--subset` copies this many of the passing cases of each op. */
const SUBSET_CASES_PER_OP = 2;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      vectors: { type: 'string' },
      backend: { type: 'string', default: 'cpu' },
      only: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      subset: { type: 'string' },
    },
  });
  const make = BACKENDS[values.backend];
  if (!values.vectors || !make) {
    console.error(values.vectors ? `no backend ${values.backend}\n${USAGE}` : USAGE);
    return 2;
  }
  const suites = suitesIn(values.vectors);
  if (suites.length === 0) {
    console.error(
      `no vectors in ${values.vectors}: expected folders ${SUITES.join(', ')} with an index.jsonl each`,
    );
    return 2;
  }
  const device = await use(make());
  const report = createReport();
  const only = values.only ? new RegExp(values.only) : undefined;
  const passed: CaseId[] = [];
  await runVectors(values.vectors, { only }, (suite, op, id, outcome) => {
    report.add(suite, op, id, outcome);
    if (outcome.kind === 'passed') passed.push({ suite, id });
  });
  report.print(values.verbose, console.log);
  if (values.subset) writeSubset(values.vectors, passed, values.subset, SUBSET_CASES_PER_OP);
  await device.destroy();
  return 0;
}

process.exitCode = await main();
