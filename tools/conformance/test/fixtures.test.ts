/** A few cases of every op that we have, on both backends: none may fail. */
import { fileURLToPath } from 'node:url';
import { cpu } from '@neurite/backend-cpu';
import { type BackendFactory, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { describe, expect, test } from 'vitest';
import { runVectors, SUITES, suitesIn } from '../src/run.js';

const FIXTURES = fileURLToPath(new URL('../fixtures', import.meta.url));
const BACKENDS: Readonly<Record<string, () => BackendFactory>> = {
  reference: () => reference(),
  cpu: () => cpu(),
};

test('every suite has fixtures', () => {
  expect(suitesIn(FIXTURES)).toEqual(SUITES);
});

describe.each(Object.keys(BACKENDS))('on %s', (name) => {
  test('every case passes', async () => {
    const device = await use(BACKENDS[name]());
    const failures: string[] = [];
    const passed = new Map<string, number>();
    await runVectors(FIXTURES, {}, (suite, _op, id, outcome) => {
      if (outcome.kind === 'passed') passed.set(suite, (passed.get(suite) ?? 0) + 1);
      else failures.push(`${suite}/${id}: ${outcome.reason}`);
    });
    await device.destroy();
    expect(failures).toEqual([]);
    expect(passed.get('ops')).toBeGreaterThan(600);
    expect(passed.get('modules')).toBeGreaterThan(100);
    expect([...passed.keys()]).toEqual(SUITES);
  });
});
