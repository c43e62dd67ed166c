import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countVitest } from '../count-vitest.mjs';
import { root } from '../workspace.mjs';

let directory;

// Inside the workspace, so that the files can import vitest; below node_modules, so that no other tool sees them.
beforeEach(() => {
  mkdirSync(join(root, 'node_modules/.cache'), { recursive: true });
  directory = mkdtempSync(join(root, 'node_modules/.cache/count-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

/** Runs a real vitest over the given files and counts its report. */
function countOf(files) {
  for (const [name, body] of Object.entries(files)) {
    writeFileSync(join(directory, name), `import { expect, it } from 'vitest';\n${body}`);
  }
  writeFileSync(
    join(directory, 'vitest.config.mjs'),
    `export default { test: { include: ['*.test.mjs'], exclude: [] } };\n`,
  );
  const report = join(directory, 'report.json');
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--root', directory, '--reporter=json', `--outputFile.json=${report}`];
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  const { passed, failures, failed } = countVitest(JSON.parse(readFileSync(report, 'utf8')), status === 0);
  expect(failed).toBe(failures.length);
  return { passed, failures: failures.map((line) => line.replace(`${relative(root, directory)}/`, '')) };
}

describe('countVitest', () => {
  it('counts tests over all files, and names those that failed', () => {
    const files = {
      'a.test.mjs': `it('a', () => {});\nit('b', () => expect(1).toBe(2));\n`,
      'b.test.mjs': `it('c', () => {});\n`,
    };
    expect(countOf(files)).toEqual({
      passed: 2,
      failures: ['a.test.mjs: b: AssertionError: expected 1 to be 2 // Object.is equality'],
    });
  });

  it('counts a file that cannot be loaded as a failure', () => {
    const files = {
      'a.test.mjs': `it('a', () => {});\n`,
      'b.test.mjs': `import './lost.mjs';\nit('b', () => {});\n`,
    };
    const { passed, failures } = countOf(files);
    expect(passed).toBe(1);
    expect(failures).toEqual([expect.stringContaining('b.test.mjs: Cannot find module')]);
  });

  it('counts an unhandled rejection as a failure although every test passed', () => {
    const files = { 'a.test.mjs': `it('a', () => {\n  Promise.reject(new Error('late'));\n});\n` };
    expect(countOf(files)).toEqual({ passed: 1, failures: ['an error outside of the tests'] });
  });

  it('counts a run without a report as a failure', () => {
    expect(countVitest(undefined, true)).toEqual({
      passed: 0,
      failed: 1,
      failures: ['vitest ended without a report'],
    });
  });
});
