/** All peers of Chromium agree on a product and on training steps. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureRow } from '../src/bench.js';
import { inChromium } from '../src/browser/line-up.js';
import type { Effort } from '../src/effort.js';
import type { LineUp } from '../src/peers.js';

const effort: Effort = { rounds: 1, roundMs: 1, warmUpMs: 0, processes: 1 };

const directory = mkdtempSync(join(tmpdir(), 'neurite-bench-test-'));
let lineUp: LineUp;
beforeAll(async () => {
  lineUp = await inChromium(fileURLToPath(new URL('../src', import.meta.url)));
});
afterAll(async () => {
  await lineUp?.close();
  rmSync(directory, { recursive: true, force: true });
});

test.each(['matmul-4x1024x1024', 'tiny-step', 'cold-mlp'] as const)('%s', async (row) => {
  const measured = await measureRow(row, [...lineUp.peers, ...lineUp.roofs], directory, effort);
  const roofs = row === 'matmul-4x1024x1024' ? { 'roof 1t': 'roof', 'roof 2t': 'roof' } : {};
  expect(Object.fromEntries(measured.map(({ peer, check }) => [peer, check]))).toEqual({
    'neurite cpu 1t': 'ok',
    'neurite cpu 2t': 'ok',
    'neurite cpu 2t compiled': row === 'cold-mlp' ? 'starts like an uncompiled one' : 'ok',
    'jax-js wasm': 'ok',
    'tfjs wasm': 'ok',
    ...roofs,
  });
  expect(measured.every(({ ms, check }) => ms! > 0 || check === 'starts like an uncompiled one')).toBe(true);
});
