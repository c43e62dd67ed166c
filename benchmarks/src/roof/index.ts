/**
 * The roof as a peer: for each row the time that this engine needs for no more than the row's multiply-adds in a loop that
 * stays in the first-level cache, or for reading and writing the row's bytes once. What other peers take is divided by it.
 */
import type { Case, MakeCase, PeerRows } from '../case.js';
import type { Work } from '../rows/spec.js';
import { ROW_NAMES, ROWS } from '../rows.js';
import { DEPTH, flopsOf, loopsModule, nameOf, STREAM_BYTES, type Tile } from './loops.js';
import { type Call, createTeam, type StartThread, type Team } from './team.js';

const PAGE = 65536;
/** Room for each thread's panels and tile. */
const PANELS = PAGE;
/** How long each tile is tried, to find the fastest. */
const TRIAL_MS = 20;

const roundUp = (bytes: number, to: number): number => Math.ceil(bytes / to) * to;

const each = (threads: number, call: (thread: number) => Call): Call[] =>
  Array.from({ length: threads }, (_, thread) => call(thread));

const bytesOf = (work: Work): number => (work.kind === 'flops' ? 0 : work.reads + work.writes);

/** The arguments for `count` products of a tile by a thread. */
function products(tile: Tile, count: number, thread: number): Call {
  const a = thread * PANELS;
  const b = a + 4 * tile.rows * DEPTH;
  const c = b + 16 * tile.vectors * DEPTH;
  return { name: nameOf(tile), args: [count, a, b, c] };
}

/** The tile with which one thread gets through most multiply-adds. */
function fastest(team: Team, tiles: readonly Tile[], threads: number): Tile {
  let best = tiles[0];
  let bestSpeed = 0;
  for (const tile of [...tiles, ...tiles]) {
    const start = performance.now();
    let runs = 0;
    for (; performance.now() - start < TRIAL_MS; runs++)
      team.run(each(threads, (t) => products(tile, 50, t)));
    const speed = (runs * flopsOf(tile)) / (performance.now() - start);
    if (speed > bestSpeed) [best, bestSpeed] = [tile, speed];
  }
  return best;
}

function multiplying(team: Team, tiles: readonly Tile[], flops: number, threads: number): Case {
  const tile = fastest(team, tiles, threads);
  const count = Math.max(1, Math.round(flops / flopsOf(tile) / threads));
  const calls = each(threads, (thread) => products(tile, count, thread));
  return { run: () => team.run(calls), check: async () => [] };
}

/** Copies as much as is both read and written, and adds up what is only read. */
function streaming(team: Team, { reads, writes }: { reads: number; writes: number }, threads: number): Case {
  const share = (bytes: number): number => roundUp(bytes / threads, STREAM_BYTES);
  const [copied, summed] = [share(Math.min(reads, writes)), share(Math.max(0, reads - writes))];
  const base = threads * PANELS;
  const from = (thread: number): number => base + thread * (copied + summed);
  const to = (thread: number): number => base + threads * (copied + summed) + thread * copied;
  const copies = each(threads, (thread) => ({
    name: 'copy',
    args: [to(thread), from(thread), from(thread) + copied],
  }));
  const sums = each(threads, (thread) => ({
    name: 'sum',
    args: [thread * PANELS, from(thread) + copied, from(thread) + copied + summed],
  }));
  return {
    run() {
      if (copied > 0) team.run(copies);
      if (summed > 0) team.run(sums);
    },
    check: async () => [],
  };
}

/** Rows without work have no roof. */
export function openRoof(threads: number, start: StartThread): PeerRows {
  const roofOf =
    (work: Work): MakeCase =>
    async () => {
      const pages = threads + 1 + Math.ceil((bytesOf(work) + 4 * threads * STREAM_BYTES) / PAGE);
      const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
      const { bytes, tiles } = loopsModule(pages);
      const team = await createTeam(new WebAssembly.Module(bytes), memory, threads, start);
      return work.kind === 'flops'
        ? multiplying(team, tiles, work.flops, threads)
        : streaming(team, work, threads);
    };
  return Object.fromEntries(
    ROW_NAMES.map((row) => {
      const { work } = ROWS[row];
      return [row, work ? roofOf(work) : 'no roof'];
    }),
  ) as unknown as PeerRows;
}
