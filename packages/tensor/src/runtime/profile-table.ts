/** A profile as a table, after `key_averages().table()` of `torch.profiler`. */
import type { Clock, Profile, ProfiledKernel } from './profile-summary.js';

/** Times that may be off by more than this part are marked. */
const EXACT = 0.05;

/** Three digits, of small numbers two. */
const digits = (x: number): string =>
  x >= 100 ? x.toFixed(0) : x >= 1 || x === 0 ? x.toPrecision(3) : x.toPrecision(2);

function timeText(us: number): string {
  if (us < 1) return `${digits(us * 1000)} ns`;
  if (us < 1000) return `${digits(us)} µs`;
  return us < 1e6 ? `${digits(us / 1000)} ms` : `${digits(us / 1e6)} s`;
}

/** A number with a prefix: 12345678 is `12.3 M`. */
function amountText(x: number): string {
  if (x < 1000) return `${x}`;
  const power = Math.min(4, Math.floor(Math.log10(x) / 3));
  return `${digits(x / 1000 ** power)} ${' kMGT'[power]}`;
}

/** Times that the clock cannot tell are bounds, and `~` stands before those that it tells roughly. */
function measured(time: number, uncertainty: number): string {
  if (time <= uncertainty) return `< ${timeText(time + uncertainty)}`;
  return `${uncertainty > EXACT * time ? '~ ' : ''}${timeText(time)}`;
}

const HEAD = ['kernel', 'loops', 'calls', 'time', 'per call', 'share', 'flop', 'bytes', 'GFLOP/s', 'GB/s'];

function cells(kernel: ProfiledKernel): string[] {
  const { name, size, calls, time, uncertainty, share, flops, bytes, gflops, gigabytes } = kernel;
  const notes = [kernel.specialized && 'tuned', kernel.onHost && 'on the host'].filter(Boolean);
  return [
    name + (notes.length ? ` (${notes.join(', ')})` : ''),
    size,
    `${calls}`,
    measured(time, uncertainty),
    measured(time / calls, uncertainty / calls),
    `${(share * 100).toFixed(1)} %`,
    amountText(flops),
    amountText(bytes),
    gflops === null ? '-' : digits(gflops),
    gigabytes === null ? '-' : digits(gigabytes),
  ];
}

export function profileTable(profile: Omit<Profile, 'toString' | 'chromeTrace'>): string {
  const { kernels, wallTime, kernelTime, host, counts, clocks } = profile;
  const rows = [HEAD, ...kernels.map(cells)];
  const widths = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  );
  const rule = '-'.repeat(lines[0].length);
  const times = Object.entries(host)
    .filter(([, time]) => time > 0)
    .map(([name, time]) => `${name} ${timeText(time)}`);
  return [
    lines[0],
    rule,
    ...lines.slice(1),
    rule,
    `kernels ${timeText(kernelTime)} of ${timeText(wallTime)}; host: ${times.join(', ')}`,
    `plans: ${counts.plansBuilt} built, ${counts.plansReused} reused; programs compiled: ${counts.programsCompiled}`,
    ...clocks.map(clockText),
  ].join('\n');
}

const clockText = ({ device, kind, resolution }: Clock): string =>
  kind === 'device'
    ? `${device}: times by its own clock, in steps of ${timeText(resolution)}`
    : `${device}: wall times of single kernels, from handing over to done, by a clock in steps of ${timeText(resolution)}`;
