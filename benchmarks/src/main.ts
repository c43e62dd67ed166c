/** `npm run bench`: our rows beside those of other libraries, and whether a long training run grows. See README.md. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Measurement } from './bench.js';
import { sectionOf } from './document.js';
import { watchDawn } from './gpu/dawn.js';
import { gpuReport } from './gpu/report.js';
import { type DeviceName, type Options, readOptions, select, USAGE, UsageError } from './options.js';
import { type LineUp, onNode, type PeerSpec, PROGRAMS } from './peers.js';
import { jsonLine, table } from './report.js';
import { BUNDLE_ROW, type RowName } from './rows.js';
import { serve } from './serve.js';

/** The folder of this file in the checkout. */
const sources = resolve(process.argv[1], '../../src');

/** Above it, other programs take a share of the processors that changes the medians. */
const BUSY_LOAD = 0.5;

async function bench(options: Options): Promise<number> {
  const lineUp = options.browser
    ? await (await import('./browser/line-up.js')).inChromium(sources, options.device)
    : onNode(options.device);
  const directory = mkdtempSync(join(tmpdir(), 'neurite-bench-'));
  try {
    const rows = select('row', lineUp.rows, options.rows, (name) => name);
    const peers = select('peer', lineUp.peers, options.peers, ({ name }) => name);
    const run = options.samples ? printSamples : printTimes;
    return await run({ ...lineUp, rows, peers }, options, directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
    await lineUp.close();
  }
}

/** What the first of the peers computes. */
async function printSamples({ rows, peers }: LineUp, _: Options, directory: string): Promise<number> {
  const { sampleRow } = await import('./samples.js');
  const lines: string[] = [];
  for (const row of rows.filter((name) => name !== BUNDLE_ROW))
    lines.push(`"${row}": ${JSON.stringify(await sampleRow(peers[0], row as RowName, directory))}`);
  console.log(`{\n${lines.join(',\n')}\n}`);
  return 0;
}

async function printTimes(
  { engine, section, rows, peers, roofs }: LineUp,
  { device, effort, json, write }: Options,
  directory: string,
): Promise<number> {
  const all = [...peers, ...roofs.filter((roof) => peers.some(({ threads }) => threads === roof.threads))];
  const publish = write === undefined ? () => {} : sectionOf(write, section);
  const [load] = loadavg();
  if (load > BUSY_LOAD)
    console.error(`bench: the machine is busy (load ${load.toFixed(1)}): times will move`);
  // Loaded here and not by the peers' processes, which are this program too.
  const { measureRow } = await import('./bench.js');
  const { measureBundles } = await import('./bundle-size.js');
  const measurements: Measurement[] = [];
  for (const row of rows) {
    console.error(`bench: ${row}`);
    const measured =
      row === BUNDLE_ROW
        ? await measureBundles(peers, sources)
        : await measureRow(row as RowName, all, directory, effort);
    measurements.push(...measured);
    if (json) for (const m of measured) console.log(jsonLine(m));
  }
  const date = new Date().toISOString().slice(0, 10);
  const heading = `${date}; ${machine()}; ${engine}; load at the start ${load.toFixed(1)}.`;
  const body = device === 'webgpu' ? gpuReport(measurements, all) : table(measurements, all);
  const report = `${heading}\n\n${body}`;
  if (!json) console.log(report);
  publish(report);
  return isGood(measurements, peers) ? 0 : 1;
}

const machine = (): string =>
  `${cpus()[0].model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`;

/** Whether ours are right. A peer that cannot run a row, or is wrong, is its own affair. */
function isGood(measurements: readonly Measurement[], peers: readonly PeerSpec[]): boolean {
  const ours = new Set(peers.filter(({ kind }) => kind === 'ours').map(({ name }) => name));
  const good = ({ check }: Measurement) => check === 'ok' || check === 'alone';
  return measurements.every((m) => good(m) || !ours.has(m.peer));
}

/** Trains in a process that can collect garbage on demand; returns its exit code. */
function checkMemory({ device, leak }: Options): number {
  const args = ['--expose-gc', process.argv[1], '--memory-run', device, String(leak)];
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}

/** How this program starts itself as a peer. */
async function servePeer(args: readonly string[]): Promise<void> {
  const option = { type: 'string', default: '' } as const;
  const options = { serve: option, row: option, directory: option, results: option };
  const { serve: peer, row, directory, results } = parseArgs({ args: [...args], options }).values;
  const watch = peer.includes('webgpu') ? await watchDawn() : undefined;
  await serve(() => PROGRAMS[peer](row as RowName), row as RowName, directory, results, watch);
}

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === '--memory-run')
    return (await import('./memory.js')).trainForMemory(args[1] as DeviceName, Number(args[2]));
  if (args[0] === '--serve') {
    await servePeer(args);
    return 0;
  }
  try {
    const options = readOptions(args);
    return options.memory ? checkMemory(options) : await bench(options);
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    console.error(`bench: ${e.message}\n${USAGE}`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
