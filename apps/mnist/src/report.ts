/** The tables at the end. */
import pc from 'picocolors';
import type { Confusion } from './evaluate.js';

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/**
 * One line per digit: precision (of the images called 3, how many are one), recall (of all 3s, how many were found), count,
 * and the row of the confusion matrix.
 */
export function digitTable(confusion: Confusion): string {
  const digits = confusion.map((_, digit) => digit);
  const header = `digit  precision  recall  count   predicted ${digits.map((d) => String(d).padStart(5)).join('')}`;
  const rows = digits.map((digit) => {
    const row = confusion[digit];
    const called = sum(confusion.map((other) => other[digit]));
    const numbers = [
      String(digit).padStart(5),
      ratio(row[digit], called).padStart(9),
      ratio(row[digit], sum(row)).padStart(6),
      String(sum(row)).padStart(5),
    ].join('  ');
    return `${numbers}             ${row.map((n, d) => cell(n, d === digit)).join('')}`;
  });
  return [pc.bold(header), ...rows].join('\n');
}

/** Four digits, or a dash where there is nothing to divide by. */
const ratio = (part: number, whole: number): string => (whole === 0 ? '–' : (part / whole).toFixed(4));

function cell(count: number, correct: boolean): string {
  const text = (count === 0 ? '·' : String(count)).padStart(5);
  return correct ? pc.green(text) : count === 0 ? pc.dim(text) : pc.yellow(text);
}
