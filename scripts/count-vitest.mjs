/**
 * What a run of vitest comes to: its own counts, and one failure for each file that could not even be loaded.
 *
 * @param report vitest's JSON report, undefined when vitest did not live to write it
 * @param {boolean} ok whether vitest's exit code was 0; a bad one is at least one failure (an unhandled rejection)
 */
export function countVitest(report, ok) {
  if (!report) return { passed: 0, failed: 1 };
  const unloadable = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  const failed = report.numFailedTests + unloadable.length;
  return { passed: report.numPassedTests, failed: ok ? failed : Math.max(failed, 1) };
}
