import { expect, test } from 'vitest';
import type { Measurement } from '../src/bench.js';
import { onNode } from '../src/peers.js';
import { jsonLine, table } from '../src/report.js';

const { peers, roofs } = onNode();
const specs = [...peers, ...roofs];

const measured: readonly Measurement[] = [
  { row: 'softmax', peer: 'neurite cpu 1t', ms: 3, spread: 0.1, check: 'ok', share: 0.2 },
  { row: 'softmax', peer: 'neurite cpu 2t', ms: 2, spread: 0.1, check: 'ok', share: 0.34567 },
  { row: 'softmax', peer: 'neurite cpu 2t compiled', ms: 4, spread: 0.1, check: 'ok', share: 0.1 },
  { row: 'softmax', peer: 'jax-js wasm', ms: 1, spread: 0.2, check: 'ok', share: 0.5 },
  { row: 'softmax', peer: 'tfjs wasm', ms: null, spread: null, check: 'no such op', share: null },
  { row: 'softmax', peer: 'pytorch 1t', ms: 0.5, spread: 0.02, check: 'ok', share: 1 },
  { row: 'softmax', peer: 'pytorch 2t', ms: 0.1, spread: 0.02, check: 0.0123456, share: 2 },
  { row: 'softmax', peer: 'roof 2t', ms: 0.05, spread: 0.02, check: 'roof', share: 1 },
  { row: 'lstm', peer: 'neurite cpu 2t', ms: 12.345, spread: 0, check: 'alone', share: 0.6 },
  { row: 'lstm', peer: 'tfjs wasm', ms: null, spread: null, check: 'no such op', share: null },
  {
    row: 'bundle-size',
    peer: 'neurite cpu 2t',
    ms: null,
    spread: null,
    check: 'ok',
    share: null,
    bytes: 60_000,
  },
  {
    row: 'bundle-size',
    peer: 'jax-js wasm',
    ms: null,
    spread: null,
    check: 'ok',
    share: null,
    bytes: 80_000,
  },
];

test('a line of JSON per row and peer', () => {
  expect(JSON.parse(jsonLine(measured[1]))).toEqual({
    row: 'softmax',
    peer: 'neurite cpu 2t',
    ms: 2,
    spread: 0.1,
    check: 'ok',
    share: 0.346,
  });
  expect(Object.keys(JSON.parse(jsonLine(measured[4])))).toEqual([
    'row',
    'peer',
    'ms',
    'spread',
    'check',
    'share',
  ]);
  expect(JSON.parse(jsonLine(measured[6])).check).toBe(0.0123);
  expect(JSON.parse(jsonLine(measured[10])).bytes).toBe(60_000);
  expect(jsonLine({ ...measured[6], check: Number.POSITIVE_INFINITY })).toContain('"not comparable"');
});

test('the table compares ours with the best of JavaScript and the best of all, and with the roof', () => {
  const rows = table(measured, specs).split('\n');
  const cells = (name: string) =>
    rows
      .find((row) => row.startsWith(`| ${name} `))!
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  expect(cells('row').slice(3)).toEqual([
    ...peers.map(({ name }) => `${name}, ms`),
    'vs best JS',
    'vs best',
    'share of measured',
  ]);
  // A peer whose results are wrong is not the best of any; two threads stand for ours, compiled or not, what is less.
  expect(cells('softmax').slice(-3)).toEqual(['2.00×', '4.00×', '35 % bandwidth']);
  expect(cells('lstm').slice(3, 6)).toEqual(['–', '12.35 ±0%', '–']);
  expect(cells('lstm').slice(-3)).toEqual(['–', '–', '60 % peak']);
  expect(cells('bundle-size').slice(4, 7)).toEqual(['60.0 kB', '–', '80.0 kB']);
  expect(cells('bundle-size').slice(-3)).toEqual(['0.75×', '0.75×', '–']);
});

test('below the table stands who has no time or is wrong, and in which rows', () => {
  const text = table(measured, specs);
  expect(text).toContain('- pytorch 2t: results differ by 1.2e-2 (softmax)');
  expect(text).toContain('- tfjs wasm: no such op (softmax, lstm)');
  expect(text).not.toContain('roof');
});
