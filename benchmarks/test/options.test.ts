import { expect, test } from 'vitest';
import { replaceSection, sectionOf } from '../src/document.js';
import { FULL, QUICK } from '../src/effort.js';
import { readOptions, select } from '../src/options.js';

test('all rows and peers, for people, unless told otherwise', () => {
  const options = readOptions([]);
  expect(options).toMatchObject({ effort: FULL, json: false, memory: false, browser: false, leak: 0 });
  expect(options.rows.test('anything') && options.peers.test('anything')).toBe(true);
});

test('rounds and their length', () => {
  expect(readOptions(['--quick']).effort).toEqual(QUICK);
  expect(readOptions(['--repeat', '4']).effort).toEqual({ ...FULL, rounds: 4 });
  expect(readOptions(['--quick', '--repeat', '1']).effort).toEqual({ ...QUICK, rounds: 1 });
});

test.each([
  [['--rows', '('], /^--rows: Invalid regular expression/],
  [['--peers', '['], /^--peers: Invalid regular expression/],
  [['--repeat', '0'], /^--repeat 0: a whole number of rounds is expected/],
  [['--repeat', '1.5'], /^--repeat 1\.5: a whole number of rounds/],
  [['--leak', 'much'], /^--leak much: a whole number of bytes/],
  [['--row', 'softmax'], /--row/],
  [['softmax'], /softmax/],
])('%j is a mistake that is named', (args, message) => {
  expect(() => readOptions(args)).toThrow(message);
});

test('a pattern that nothing matches names what there is', () => {
  const rows = ['softmax', 'chain'];
  const pick = (pattern: RegExp) => select('row', rows, pattern, (name) => name);
  expect(pick(/cha/)).toEqual(['chain']);
  expect(() => pick(/x$/)).not.toThrow();
  expect(() => pick(/matmul/)).toThrow('no row matches matmul; there are: softmax, chain');
});

test('a table replaces the one of its name in a document', () => {
  const document = 'a\n<!-- Node: measured -->\nold\n<!-- Node: end -->\nb\n';
  const replaced = 'a\n<!-- Node: measured -->\n\nnew\n\n<!-- Node: end -->\nb\n';
  expect(replaceSection(document, 'Node', 'new\n')).toBe(replaced);
  expect(replaceSection(replaced, 'Node', 'new')).toBe(replaced);
  expect(() => replaceSection(document, 'Chromium', 'new')).toThrow('no line <!-- Chromium: measured -->');
  expect(() => sectionOf('/nowhere/table.md', 'Node')).toThrow('--write: ENOENT');
});
