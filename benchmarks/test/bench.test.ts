/** Who is measured how often and what comes of it, with peers that only pretend. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { measureRow } from '../src/bench.js';
import type { Effort } from '../src/effort.js';
import type { PeerKind, PeerSpec } from '../src/peers.js';

const directory = mkdtempSync(join(tmpdir(), 'neurite-bench-test-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const effort: Effort = { rounds: 4, roundMs: 10, warmUpMs: 10, processes: 3 };

interface Pretence {
  readonly kind?: PeerKind;
  readonly threads?: number;
  readonly ms?: number;
  readonly results?: readonly number[];
  /** Fails in so many-eth measurement. */
  readonly fails?: number;
  readonly unavailable?: string;
}

/** What was asked of all peers, in order. */
let log: string[] = [];

function pretend(name: string, { kind = 'native', threads = 1, ms = 1, ...rest }: Pretence = {}): PeerSpec {
  const { results = [1, 2], fails = 0, unavailable = null } = rest;
  return {
    name,
    kind,
    threads,
    unavailable: () => unavailable,
    async open({ resultFile }) {
      log.push(`open ${name}`);
      writeFileSync(resultFile, Buffer.from(Float32Array.from(results).buffer));
      let measurements = 0;
      return {
        firstMs: ms,
        lengths: kind === 'roof' ? [] : [results.length],
        async measure({ calls }) {
          if (++measurements === fails) throw new Error('out of luck\nat once');
          log.push(`${calls} ${name}`);
          return [ms, ms, 3 * ms];
        },
        end() {
          log.push(`end ${name}`);
        },
      };
    },
  };
}

async function run(row: 'tiny-step' | 'matmul-1x1024x1024' | 'import-first', ...peers: PeerSpec[]) {
  log = [];
  const measurements = await measureRow(row, peers, directory, effort);
  return Object.fromEntries(measurements.map((m) => [m.peer, m]));
}

test('peers are measured in turns, after a warm-up that does not count', async () => {
  const { a } = await run('tiny-step', pretend('a'), pretend('b'));
  const round = ['40 a', '40 b'];
  const warmUp = ['100000 a', '100000 b'];
  expect(log.slice(0, -2)).toEqual(['open a', 'open b', ...warmUp, ...new Array(4).fill(round).flat()]);
  expect(log.slice(-2)).toEqual(['end a', 'end b']);
  expect(a).toEqual({ row: 'tiny-step', peer: 'a', ms: 1, spread: 2, check: 'ok', share: null });
});

test('slow calls are few, very slow ones are measured by the first alone', async () => {
  const { fast, slow, glacial } = await run(
    'tiny-step',
    pretend('fast'),
    pretend('slow', { ms: 1500 }),
    pretend('glacial', { ms: 6000 }),
  );
  const count = (entry: string) => log.filter((e) => e === entry).length;
  expect([count('40 fast'), count('1 slow'), count('1 glacial')]).toEqual([4, 1, 0]);
  expect(log.filter((e) => e.startsWith('100000'))).toEqual(['100000 fast']);
  expect([fast.ms, slow.ms, glacial.ms]).toEqual([1, 1500, 6000]);
});

test('a peer that fails, or is not there, says why; the others go on', async () => {
  const { a, b, c } = await run(
    'tiny-step',
    pretend('a', { fails: 3 }),
    pretend('b'),
    pretend('c', { unavailable: 'skipped' }),
  );
  expect(a).toMatchObject({ ms: null, spread: null, check: 'out of luck', share: null });
  expect(b).toMatchObject({ ms: 1, check: 'alone' });
  expect(c).toMatchObject({ ms: null, check: 'skipped' });
  expect(log.filter((entry) => entry === '40 b')).toHaveLength(4);
});

test('shares are of the roof with as many threads', async () => {
  const measured = await run(
    'matmul-1x1024x1024',
    pretend('one', { threads: 1, ms: 4 }),
    pretend('two', { threads: 2, ms: 4 }),
    pretend('roof 1t', { kind: 'roof', threads: 1, ms: 2 }),
    pretend('roof 2t', { kind: 'roof', threads: 2, ms: 1 }),
  );
  expect([measured.one.share, measured.two.share]).toEqual([0.5, 0.25]);
  expect(measured['roof 1t']).toMatchObject({ check: 'roof', share: 1 });
  expect((await run('tiny-step', pretend('one'), pretend('roof 1t', { kind: 'roof' })))['roof 1t']).toBe(
    undefined,
  );
});

test('who is wrong is named; ours must have the same bits with any number of threads', async () => {
  const close = 2 * (1 + 2 ** -23);
  const { ours1, ours2, wrong, right } = await run(
    'tiny-step',
    pretend('ours1', { kind: 'ours' }),
    pretend('ours2', { kind: 'ours', threads: 2, results: [1, close] }),
    pretend('wrong', { results: [1, 3] }),
    pretend('right', { results: [1, close] }),
  );
  expect([ours1.check, ours2.check, right.check]).toEqual(['ok', 'not the bits of ours1', 'ok']);
  expect(wrong.check).toBeCloseTo(0.5, 5);
});

test('what happens once is measured in processes of its own, of which the first is not counted', async () => {
  const { a } = await run('import-first', pretend('a', { ms: 7 }), pretend('b'));
  const turn = ['open a', 'end a', 'open b', 'end b'];
  expect(log.slice(0, 16)).toEqual(new Array(4).fill(turn).flat());
  expect(a).toMatchObject({ ms: 7, spread: 0, check: 'ok' });
});
