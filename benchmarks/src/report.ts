/** The table for people and the lines for programs. */
import type { Measurement } from './bench.js';
import { countFields } from './gpu/counts.js';
import { markdown } from './markdown.js';
import type { PeerKind, PeerSpec } from './peers.js';
import { describeRow } from './rows.js';

const round = (x: number | null, digits: number): number | null =>
  x === null ? null : Number(x.toPrecision(digits));

/** One line of `--json`. Infinity has no JSON; such a difference is a result that cannot be compared. */
export function jsonLine({ row, peer, ms, spread, check, share, bytes, counts }: Measurement): string {
  const difference = typeof check === 'number';
  return JSON.stringify({
    row,
    peer,
    ms: round(ms, 4),
    spread: round(spread, 2),
    check: difference ? (Number.isFinite(check) ? round(check, 3) : 'not comparable') : check,
    share: round(share, 3),
    bytes,
    ...(counts && countFields(counts)),
  });
}

const fixed = (ms: number): string => (ms < 1 ? ms.toFixed(3) : ms < 100 ? ms.toFixed(2) : ms.toFixed(0));

/** What the row is about: milliseconds or bytes. */
const amountOf = ({ ms, bytes }: Measurement): number | null => ms ?? bytes ?? null;

type SpecOf = (peer: string) => Pick<PeerSpec, 'kind' | 'threads'>;

/** Ours with the most threads, compiled or not, whichever takes less. */
function oursOf(measurements: readonly Measurement[], specOf: SpecOf): Measurement | undefined {
  const ours = measurements.filter((m) => specOf(m.peer).kind === 'ours' && amountOf(m) !== null);
  const threads = Math.max(...ours.map((m) => specOf(m.peer).threads));
  return ours
    .filter((m) => specOf(m.peer).threads === threads)
    .sort((a, b) => amountOf(a)! - amountOf(b)!)[0];
}

/** Ours over the best of some others whose results agree, or a dash. */
function ratio(measurements: readonly Measurement[], specOf: SpecOf, among: readonly PeerKind[]): string {
  const ours = oursOf(measurements, specOf);
  const others = measurements.filter(
    (m) => among.includes(specOf(m.peer).kind) && amountOf(m) !== null && m.check === 'ok',
  );
  if (!ours || others.length === 0) return '–';
  return `${(amountOf(ours)! / Math.min(...others.map((m) => amountOf(m)!))).toFixed(2)}×`;
}

export function cell(m: Measurement | undefined): string {
  if (m?.ms) return `${fixed(m.ms)} ±${Math.round(m.spread! * 50)}%`;
  return m?.bytes ? `${(m.bytes / 1000).toFixed(1)} kB` : '–';
}

function share(measurements: readonly Measurement[], specOf: SpecOf): string {
  const ours = oursOf(measurements, specOf);
  if (!ours || ours.share === null) return '–';
  const { work } = describeRow(ours.row);
  return `${Math.round(ours.share * 100)} % ${work!.kind === 'flops' ? 'peak' : 'bandwidth'}`;
}

/** Why peers have no time, and what does not agree, a line each; what a peer says of several rows is one. */
export function remarks(measurements: readonly Measurement[]): string[] {
  const rowsBySaying = new Map<string, string[]>();
  for (const { row, peer, check } of measurements) {
    if (check === 'ok' || check === 'alone' || check === 'roof') continue;
    const saying = typeof check === 'number' ? `results differ by ${check.toExponential(1)}` : check;
    const key = `${peer}: ${saying}`;
    rowsBySaying.set(key, [...(rowsBySaying.get(key) ?? []), row]);
  }
  return [...rowsBySaying].map(([saying, rows]) => `- ${saying} (${rows.join(', ')})`);
}

/** A Markdown table, and remarks below. */
export function table(measurements: readonly Measurement[], specs: readonly PeerSpec[]): string {
  const specOf: SpecOf = (peer) => specs.find(({ name }) => name === peer)!;
  const peers = specs.filter(({ kind }) => kind !== 'roof').map(({ name }) => name);
  const rows = [...new Set(measurements.map((m) => m.row))];
  const last = ['vs best JS', 'vs best', 'share of measured'];
  const header = ['row', 'shapes', 'dtype', ...peers.map((peer) => `${peer}, ms`), ...last];
  const lines = rows.map((row) => {
    const own = measurements.filter((m) => m.row === row);
    const { shapes, dtype } = describeRow(row);
    return [
      row,
      shapes,
      dtype,
      ...peers.map((peer) => cell(own.find((m) => m.peer === peer))),
      ratio(own, specOf, ['javascript']),
      ratio(own, specOf, ['javascript', 'native']),
      share(own, specOf),
    ];
  });
  return [...markdown(header, lines, 3), '', ...remarks(measurements)].join('\n');
}
