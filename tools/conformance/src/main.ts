/**
 * Runs PyTorch vectors on a backend: `npm run conformance -- --vectors DIR --backend NAME`, with `--browser` in Chromium.
 * Prints per op what passed, failed and is not covered; the last line is `N passed, M failed`.
 */
import { parseArgs } from 'node:util';
import { BACKENDS, type BackendName } from './backends.js';
import { runInBrowser } from './browser.js';
import { runInNode, suitesIn } from './node.js';
import { createReport } from './report.js';
import { SUITES } from './run.js';
import { type CaseId, writeSubset } from './subset.js';

const USAGE = `usage: npm run conformance -- --vectors DIR [--backend ${Object.keys(BACKENDS).join('|')}] [--browser] [--only PATTERN] [--verbose] [--subset DIR]`;

/** `--subset` copies this many of the passing cases of each op. */
const SUBSET_CASES_PER_OP = 2;

const isBackend = (name: string): name is BackendName => Object.hasOwn(BACKENDS, name);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      vectors: { type: 'string' },
      backend: { type: 'string', default: 'cpu' },
      browser: { type: 'boolean', default: false },
      only: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      subset: { type: 'string' },
    },
  });
  if (!values.vectors || !isBackend(values.backend)) {
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
  const run = values.browser ? runInBrowser : runInNode;
  const report = createReport();
  const passed: CaseId[] = [];
  await run(values.vectors, values.backend, { only: values.only }, (suite, op, id, outcome) => {
    report.add(suite, op, id, outcome);
    if (outcome.kind === 'passed') passed.push({ suite, id });
  });
  report.print(values.verbose, console.log);
  if (values.subset) writeSubset(values.vectors, passed, values.subset, SUBSET_CASES_PER_OP);
  return 0;
}

process.exitCode = await main();
