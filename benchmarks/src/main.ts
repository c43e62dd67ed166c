/**
 * `npm run bench -- [--rows PATTERN] [--peers PATTERN] [--json]`: our rows beside those of other libraries.
 * `npm run bench -- --memory [--leak BYTES]`: whether a long training run grows; `--leak` makes it keep so many bytes a step.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Measurement } from './bench.js';
import { isOurs, JAVASCRIPT_PEERS, PEERS } from './peers.js';
import { jsonLine, table } from './report.js';
import { ROW_NAMES, type RowName } from './rows.js';
import { serve } from './serve.js';

const USAGE = 'usage: npm run bench -- [--rows PATTERN] [--peers PATTERN] [--json] | --memory [--leak BYTES]';

function readOptions() {
  return parseArgs({
    options: {
      rows: { type: 'string', default: '' },
      peers: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
      memory: { type: 'boolean', default: false },
      leak: { type: 'string', default: '0' },
      // How this program starts itself in a process of its own.
      serve: { type: 'string' },
      row: { type: 'string' },
      directory: { type: 'string' },
      results: { type: 'string' },
      'memory-run': { type: 'boolean', default: false },
    },
  }).values;
}

async function bench(rowPattern: string, peerPattern: string, json: boolean): Promise<number> {
  const rows = ROW_NAMES.filter((name) => new RegExp(rowPattern).test(name));
  const peers = PEERS.filter(({ name }) => new RegExp(peerPattern).test(name));
  if (rows.length === 0 || peers.length === 0) {
    console.error(`bench: no ${rows.length === 0 ? 'row' : 'peer'} matches; rows: ${ROW_NAMES.join(', ')}`);
    console.error(`peers: ${PEERS.map((p) => p.name).join(', ')}`);
    return 2;
  }
  // Loaded here and not by the peers' processes, which are this program too.
  const { measureRow } = await import('./bench.js');
  const directory = mkdtempSync(join(tmpdir(), 'neurite-bench-'));
  const measurements: Measurement[] = [];
  try {
    for (const row of rows) {
      console.error(`bench: ${row}`);
      const measured = await measureRow(row, peers, directory);
      measurements.push(...measured);
      if (json) for (const m of measured) console.log(jsonLine(m));
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  if (!json) {
    console.log(`\n${cpus()[0].model}, ${cpus().length} cores, Node ${process.versions.node}\n`);
    console.log(table(measurements));
  }
  // A peer that cannot run a row, or is wrong, is its own affair.
  const good = ({ ms, check }: Measurement) => ms !== null && typeof check !== 'number';
  return measurements.every((m) => good(m) || !isOurs(m.peer)) ? 0 : 1;
}

/** Trains in a process that can collect garbage on demand; returns its exit code. */
function checkMemory(leak: string): number {
  if (!/^\d+$/.test(leak)) {
    console.error(`bench: --leak ${leak}: a whole number of bytes is expected\n${USAGE}`);
    return 2;
  }
  const args = ['--expose-gc', process.argv[1], '--memory-run', '--leak', leak];
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}

async function main(): Promise<number> {
  let options: ReturnType<typeof readOptions>;
  try {
    options = readOptions();
  } catch (e) {
    console.error(`bench: ${(e as Error).message}\n${USAGE}`);
    return 2;
  }
  if (options.serve) {
    const { rows } = await JAVASCRIPT_PEERS[options.serve as keyof typeof JAVASCRIPT_PEERS]();
    await serve(rows, options.row as RowName, options.directory!, options.results!);
    return 0;
  }
  if (options['memory-run']) return (await import('./memory.js')).trainForMemory(Number(options.leak));
  if (options.memory) return checkMemory(options.leak);
  return bench(options.rows, options.peers, options.json);
}

process.exitCode = await main();
