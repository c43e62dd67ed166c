/** The table of a GPU: what a step takes and asks for, a line per row and peer. */
import type { Measurement } from '../bench.js';
import { markdown } from '../markdown.js';
import type { PeerSpec } from '../peers.js';
import { cell, remarks } from '../report.js';
import { describeRow } from '../rows.js';
import { COUNT_NAMES, COUNTED, FIRST_STEPS, type GpuCounts, LAST_STEP, MADE } from './counts.js';

/** What a step should ask little of. */
const COMPARED = ['dispatches', 'submits', 'bytesWritten', 'bytesRead'] as const;

const amount = (n: number): string => (Number.isInteger(n) ? String(n) : n.toFixed(1));

/** Where ours asks for more than the peer that asks for the least, with results that agree. */
function excesses(measurements: readonly Measurement[], specs: readonly PeerSpec[]): string[] {
  const kindOf = (m: Measurement) => specs.find(({ name }) => name === m.peer)!.kind;
  return [...new Set(measurements.map(({ row }) => row))].flatMap((row) => {
    const counted = measurements.filter((m) => m.row === row && m.counts && typeof m.check === 'string');
    const others = counted.filter((m) => kindOf(m) !== 'ours');
    return counted
      .filter((m) => kindOf(m) === 'ours')
      .flatMap(({ peer, counts }) => {
        const more = (name: keyof GpuCounts): string[] => {
          const least = Math.min(...others.map((m) => m.counts!.steady[name]));
          const own = counts!.steady[name];
          return own > least ? [`${amount(own)} ${COUNTED[name]}, the least is ${amount(least)}`] : [];
        };
        const late = MADE.filter((name) => counts!.steady[name] > 0).map(
          (name) => `${COUNTED[name]} made after step ${FIRST_STEPS}`,
        );
        return [...COMPARED.flatMap(more), ...late].map((what) => `- ${row}, ${peer}: ${what}`);
      });
  });
}

/** Which adapter it was: all peers' pages find the same. */
function adapterLine(measurements: readonly Measurement[]): string {
  const adapters = measurements.flatMap(({ counts }) => (counts ? [counts.adapter] : []));
  const names = [...new Set(adapters)].join('; ') || 'none';
  const note = /swiftshader|llvmpipe|software|basic render/i.test(names)
    ? ' It computes in software, on the CPU: milliseconds say little about a GPU, counts are what is shown.'
    : '';
  return `Adapter: ${names}.${note}`;
}

export function gpuReport(measurements: readonly Measurement[], specs: readonly PeerSpec[]): string {
  const header = [
    'row',
    'peer',
    'ms',
    ...COUNT_NAMES.map((name) => COUNTED[name]),
    ...MADE.map((name) => `${COUNTED[name]}, steps 1–${FIRST_STEPS}`),
  ];
  const lines = measurements.map((m) => [
    m.row,
    m.peer,
    cell(m),
    ...COUNT_NAMES.map((name) => (m.counts ? amount(m.counts.steady[name]) : '–')),
    ...MADE.map((name) => (m.counts ? amount(m.counts.first[name]) : '–')),
  ]);
  const shapes = [...new Set(measurements.map(({ row }) => row))].map(
    (row) => `- ${row}: ${describeRow(row).shapes}`,
  );
  return [
    `${adapterLine(measurements)} Counts are per step, the mean of steps ${FIRST_STEPS + 1} to ${LAST_STEP}.`,
    '',
    ...markdown(header, lines, 2),
    '',
    ...remarks(measurements),
    ...excesses(measurements, specs),
    '',
    ...shapes,
  ].join('\n');
}
