/** The table for people and the lines for programs. */
import type { Measurement } from './bench.js';
import { isJavaScript, isOurs } from './peers.js';
import { ROWS, type RowName } from './rows.js';

const round = (x: number, digits: number): number => Number(x.toPrecision(digits));

/** One line of `--json`. Infinity has no JSON; such a difference is a result that cannot be compared. */
export function jsonLine({ row, peer, ms, spread, check }: Measurement): string {
  return JSON.stringify({
    row,
    peer,
    ms: ms && round(ms, 4),
    spread: spread === null ? null : round(spread, 2),
    check: typeof check === 'number' ? (Number.isFinite(check) ? round(check, 3) : 'not comparable') : check,
  });
}

const fixed = (ms: number): string => (ms < 1 ? ms.toFixed(3) : ms < 100 ? ms.toFixed(2) : ms.toFixed(0));

/** Ours over the fastest of some others whose results agree, or a dash. */
function ratio(measurements: readonly Measurement[], among: (peer: string) => boolean): string {
  const ours = measurements.find((m) => isOurs(m.peer))?.ms;
  const others = measurements.filter(
    (m) => !isOurs(m.peer) && m.ms !== null && m.check === 'ok' && among(m.peer),
  );
  if (!ours || others.length === 0) return '–';
  return `${(ours / Math.min(...others.map((m) => m.ms!))).toFixed(2)}×`;
}

function cell({ ms, spread }: Measurement): string {
  return ms === null ? '–' : `${fixed(ms)} ±${Math.round(spread! * 50)}%`;
}

/** Why peers have no time, and what does not agree, a line each. */
function remarks(measurements: readonly Measurement[]): string[] {
  return measurements.flatMap(({ row, peer, ms, check }) => {
    if (ms === null) return [`${row}: ${peer}: ${check}`];
    if (typeof check === 'number') return [`${row}: ${peer}: results differ by ${check.toExponential(1)}`];
    return [];
  });
}

/** A Markdown table, columns padded so that it reads in a terminal too, and remarks below. */
export function table(measurements: readonly Measurement[]): string {
  const peers = [...new Set(measurements.map((m) => m.peer))];
  const rows = [...new Set(measurements.map((m) => m.row))];
  const header = ['row', 'shapes', 'dtype', ...peers.map((p) => `${p}, ms`), 'vs best JS', 'vs best'];
  const lines = rows.map((row: RowName) => {
    const of = measurements.filter((m) => m.row === row);
    const { shapes, dtype } = ROWS[row];
    return [row, shapes, dtype, ...of.map(cell), ratio(of, isJavaScript), ratio(of, () => true)];
  });
  const widths = header.map((_, c) => Math.max(...[header, ...lines].map((line) => line[c].length)));
  const isText = (c: number) => c < 3;
  const format = (line: readonly string[]) =>
    `| ${line.map((text, c) => (isText(c) ? text.padEnd(widths[c]) : text.padStart(widths[c]))).join(' | ')} |`;
  const rule = `|${widths.map((w, c) => (isText(c) ? '-'.repeat(w + 2) : `${'-'.repeat(w + 1)}:`)).join('|')}|`;
  return [format(header), rule, ...lines.map(format), '', ...remarks(measurements)].join('\n');
}
