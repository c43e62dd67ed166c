import { expect, test } from 'vitest';
import { differences } from '../src/compare.js';
import { jsonLine, table } from '../src/report.js';
import { summarize } from '../src/statistics.js';

const results = (...arrays: number[][]) =>
  new Map(arrays.map((numbers, i) => [`peer ${i}`, Float32Array.from(numbers)]));

test('the median of times, and how far the quartiles are apart', () => {
  expect(summarize([4, 1, 3, 2, 5])).toEqual({ median: 3, spread: 2 / 3 });
  expect(summarize([2, 1])).toEqual({ median: 1.5, spread: 0.5 / 1.5 });
  expect(summarize([7])).toEqual({ median: 7, spread: 0 });
});

test('a peer that is wrong is outvoted', () => {
  const off = differences(results([1, 2, 4], [1, 2, 4], [1, 3, 4]));
  expect([...off.values()]).toEqual([0, 0, 0.25]);
});

test('NaN and results of another length agree with nothing', () => {
  const off = differences(results([1, 2], [1, 2], [1, Number.NaN], [1]));
  expect([...off.values()]).toEqual([0, 0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
});

test('two peers share their difference', () => {
  expect([...differences(results([1], [3])).values()]).toEqual([0.5, 0.5]);
});

const measured = [
  { row: 'softmax', peer: 'neurite cpu 1t', ms: 2, spread: 0.1, check: 'ok' },
  { row: 'softmax', peer: 'jax-js wasm', ms: 1, spread: 0.2, check: 'ok' },
  { row: 'softmax', peer: 'tfjs wasm', ms: null, spread: null, check: 'no such op' },
  { row: 'softmax', peer: 'pytorch 1t', ms: 0.5, spread: 0.02, check: 'ok' },
  { row: 'softmax', peer: 'pytorch 2t', ms: 0.1, spread: 0.02, check: 0.0123456 },
] as const;

test('a line of JSON per row and peer', () => {
  expect(measured.map((m) => JSON.parse(jsonLine(m)))).toEqual([
    { row: 'softmax', peer: 'neurite cpu 1t', ms: 2, spread: 0.1, check: 'ok' },
    { row: 'softmax', peer: 'jax-js wasm', ms: 1, spread: 0.2, check: 'ok' },
    { row: 'softmax', peer: 'tfjs wasm', ms: null, spread: null, check: 'no such op' },
    { row: 'softmax', peer: 'pytorch 1t', ms: 0.5, spread: 0.02, check: 'ok' },
    { row: 'softmax', peer: 'pytorch 2t', ms: 0.1, spread: 0.02, check: 0.0123 },
  ]);
  expect(jsonLine({ ...measured[3], check: Number.POSITIVE_INFINITY })).toContain('"not comparable"');
});

test('the table compares ours with the best of JavaScript and the best of all, and says what went wrong', () => {
  const text = table(measured);
  // A peer whose results are wrong is not the best of any.
  expect(text).toMatch(/\| +2\.00× \| +4\.00× \|/);
  expect(text).toContain('softmax: pytorch 2t: results differ by 1.2e-2');
  expect(text).toContain('softmax: tfjs wasm: no such op');
});
