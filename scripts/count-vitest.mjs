import { relative } from 'node:path';
import { root } from './workspace.mjs';

/**
 * What a run of vitest comes to: its own counts, and one failure for each file that could not even be loaded.
 *
 * @param report vitest's JSON report, undefined when vitest did not live to write it
 * @param {boolean} ok whether vitest's exit code was 0; a bad one is at least one failure (an unhandled rejection)
 * @returns the counts, and a line for each failure that the report names: the file, the test, how its message begins
 */
export function countVitest(report, ok) {
  if (!report) return { passed: 0, failed: 1, failures: ['vitest ended without a report'] };
  const failures = report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(root, name);
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (status === 'failed' && failed.length === 0) return [`${file}: ${firstLine(message)}`];
    return failed.map(
      ({ fullName, failureMessages }) => `${file}: ${fullName}: ${firstLine(failureMessages[0])}`,
    );
  });
  if (!ok && failures.length === 0) failures.push('an error outside of the tests');
  return { passed: report.numPassedTests, failed: failures.length, failures };
}

const firstLine = (text = '') => text.split('\n', 1)[0];
