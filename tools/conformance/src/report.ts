/** What became of each case, gathered per op. */

export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed' | 'not covered'; readonly reason: string };

export interface Report {
  add(suite: string, op: string, id: string, outcome: Outcome): void;
  /** One line per op with anything but passes (all ops with `verbose`), then totals; the last line is `N passed, M failed`. */
  print(verbose: boolean, log: (line: string) => void): void;
  readonly failed: number;
}

interface Row {
  passed: number;
  failed: number;
  missing: number;
  reasons: Map<string, string>;
}

export function createReport(): Report {
  const suites = new Map<string, Map<string, Row>>();
  let passed = 0;
  let failed = 0;
  return {
    get failed() {
      return failed;
    },
    add(suite, op, id, outcome) {
      const rows = suites.get(suite) ?? suites.set(suite, new Map()).get(suite)!;
      const row =
        rows.get(op) ?? rows.set(op, { passed: 0, failed: 0, missing: 0, reasons: new Map() }).get(op)!;
      if (outcome.kind === 'passed') {
        row.passed++;
        passed++;
        return;
      }
      failed++;
      if (outcome.kind === 'failed') row.failed++;
      else row.missing++;
      if (!row.reasons.has(outcome.reason)) row.reasons.set(outcome.reason, id);
    },
    print(verbose, log) {
      for (const [suite, rows] of suites) {
        log(`\n${suite}`);
        const total = { passed: 0, failed: 0, missing: 0, covered: 0 };
        for (const [op, row] of rows) {
          total.passed += row.passed;
          total.failed += row.failed;
          total.missing += row.missing;
          if (row.failed + row.missing === 0) total.covered++;
          else if (!verbose && row.failed === 0 && row.passed === 0) continue;
          if (!verbose && row.failed + row.missing === 0) continue;
          log(`  ${op}: ${row.passed} passed, ${row.failed} failed, ${row.missing} not covered`);
          for (const [reason, id] of [...row.reasons].slice(0, verbose ? 20 : 3))
            log(`      ${id}: ${reason}`);
        }
        const absent = [...rows].filter(([, r]) => r.passed + r.failed === 0).map(([op]) => op);
        if (absent.length && !verbose) log(`  not covered at all: ${absent.join(', ')}`);
        log(
          `  ${total.covered} of ${rows.size} pass whole; cases: ${total.passed} passed, ${total.failed} failed, ${total.missing} not covered`,
        );
      }
      log(`\n${passed} passed, ${failed} failed`);
    },
  };
}
