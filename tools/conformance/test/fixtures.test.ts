/** A few cases of every op that we have, on every backend, in Node and in a browser: none may fail. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runInBrowser } from '../src/browser.js';
import { runInNode, suitesIn } from '../src/node.js';
import { SUITES } from '../src/run.js';

const FIXTURES = fileURLToPath(new URL('../fixtures', import.meta.url));

test('every suite has fixtures', () => {
  expect(suitesIn(FIXTURES)).toEqual(SUITES);
});

describe.each([
  ['reference', 'Node', runInNode],
  ['cpu', 'Node', runInNode],
  ['webgpu', 'Node', runInNode],
  ['cpu', 'a browser', runInBrowser],
  ['webgpu', 'a browser', runInBrowser],
] as const)('on %s in %s', (backend, _, run) => {
  test('every case passes', async () => {
    const failures: string[] = [];
    const passed = new Map<string, number>();
    await run(FIXTURES, backend, {}, (suite, _op, id, outcome) => {
      if (outcome.kind === 'passed') passed.set(suite, (passed.get(suite) ?? 0) + 1);
      else failures.push(`${suite}/${id}: ${outcome.reason}`);
    });
    expect(failures).toEqual([]);
    expect(passed.get('ops')).toBeGreaterThan(600);
    expect(passed.get('modules')).toBeGreaterThan(100);
    expect([...passed.keys()]).toEqual(SUITES);
  });
});
