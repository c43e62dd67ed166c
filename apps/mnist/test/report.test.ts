import { describe, expect, it } from 'vitest';
import { accuracyOf, worstMistake } from '../src/evaluate.js';
import { digitTable } from '../src/report.js';

/** All images of digit d recognised, `counts[d]` of them, but for those moved. */
function confusion(counts: number[], moved: [from: number, to: number, n: number][] = []): number[][] {
  const table = counts.map((count, d) => counts.map((_, p) => (p === d ? count : 0)));
  for (const [from, to, n] of moved) {
    table[from][from] -= n;
    table[from][to] += n;
  }
  return table;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences.
const lines = (table: string): string[] => table.replace(/\u001b\[\d+m/g, '').split('\n');

describe('the table per digit', () => {
  const table = confusion(
    [10, 20, 30, 40, 50, 60, 70, 80, 90, 0],
    [
      [3, 8, 4],
      [0, 9, 5],
    ],
  );

  it('tells precision, recall, count and confusions', () => {
    const [header, zero, , , three, , , , , eight, nine] = lines(digitTable(table));
    expect(header.split(/\s+/)).toEqual([
      ...'digit precision recall count predicted 0 1 2 3 4 5 6 7 8 9'.split(' '),
    ]);
    expect(zero.trim().split(/\s+/)).toEqual('0 1.0000 0.5000 10 5 · · · · · · · · 5'.split(' '));
    expect(three.trim().split(/\s+/)).toEqual('3 1.0000 0.9000 40 · · · 36 · · · · 4 ·'.split(' '));
    expect(eight.trim().split(/\s+/)).toEqual('8 0.9574 1.0000 90 · · · · · · · · 90 ·'.split(' '));
    // No nine among the images: five were called one, none could be found.
    expect(nine.trim().split(/\s+/)).toEqual('9 0.0000 – 0 · · · · · · · · · ·'.split(' '));
  });

  it('lines up', () => {
    const widths = lines(digitTable(table)).map((line) => line.length);
    expect(new Set(widths).size).toBe(1);
  });

  it('counts the accuracy over all images', () => {
    expect(accuracyOf(table)).toBe((450 - 9) / 450);
  });

  it('names the mistake that is made most often', () => {
    expect(worstMistake(table)).toEqual({ actual: 0, taken: 9, count: 5 });
    expect(worstMistake(confusion([1, 2, 3]))).toBeUndefined();
  });
});
