/** `npm run bench`: our rows beside those of other libraries, and whether a long training run grows. See README.md. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Measurement } from './bench.js';
import { type Options, readOptions, select, USAGE, UsageError } from './options.js';
import { PEERS, type PeerSpec, PROGRAMS, roofsFor } from './peers.js';
import { jsonLine, table } from './report.js';
import { BUNDLE_ROW, ROW_NAMES, type RowName } from './rows.js';
import { serve } from './serve.js';

const isRow = (name: string): name is RowName => name !== BUNDLE_ROW;

async function bench({ rows: rowPattern, peers: peerPattern, effort, json }: Options): Promise<number> {
  const rows = select('row', [...ROW_NAMES, BUNDLE_ROW], rowPattern, (name) => name);
  const peers = select('peer', PEERS, peerPattern, ({ name }) => name);
  const all = [...peers, ...roofsFor(peers)];
  // Loaded here and not by the peers' processes, which are this program too.
  const { measureRow } = await import('./bench.js');
  const { measureBundles } = await import('./bundle-size.js');
  const directory = mkdtempSync(join(tmpdir(), 'neurite-bench-'));
  const sources = resolve(process.argv[1], '../../src');
  const measurements: Measurement[] = [];
  try {
    for (const row of rows) {
      console.error(`bench: ${row}`);
      const measured = isRow(row)
        ? await measureRow(row, all, directory, effort)
        : await measureBundles(all, sources);
      measurements.push(...measured);
      if (json) for (const m of measured) console.log(jsonLine(m));
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  if (!json) {
    console.log(`\n${cpus()[0].model}, ${cpus().length} cores, Node ${process.versions.node}\n`);
    console.log(table(measurements, all));
  }
  return isGood(measurements, peers) ? 0 : 1;
}

/** Whether ours are right. A peer that cannot run a row, or is wrong, is its own affair. */
function isGood(measurements: readonly Measurement[], peers: readonly PeerSpec[]): boolean {
  const ours = new Set(peers.filter(({ kind }) => kind === 'ours').map(({ name }) => name));
  const good = ({ check }: Measurement) => check === 'ok' || check === 'alone';
  return measurements.every((m) => good(m) || !ours.has(m.peer));
}

/** Trains in a process that can collect garbage on demand; returns its exit code. */
function checkMemory(leak: number): number {
  const args = ['--expose-gc', process.argv[1], '--memory-run', String(leak)];
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}

/** How this program starts itself as a peer. */
async function servePeer(args: readonly string[]): Promise<void> {
  const option = { type: 'string', default: '' } as const;
  const options = { serve: option, row: option, directory: option, results: option };
  const { serve: peer, row, directory, results } = parseArgs({ args: [...args], options }).values;
  await serve(() => PROGRAMS[peer](row as RowName), row as RowName, directory, results);
}

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === '--memory-run') return (await import('./memory.js')).trainForMemory(Number(args[1]));
  if (args[0] === '--serve') {
    await servePeer(args);
    return 0;
  }
  try {
    const options = readOptions(args);
    return options.memory ? checkMemory(options.leak) : await bench(options);
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    console.error(`bench: ${e.message}\n${USAGE}`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
