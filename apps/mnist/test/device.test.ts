/** A run that changes devices. Without a GPU a step takes a while: few and small ones. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { use } from '@neurite/tensor';
import { expect, it } from 'vitest';
import type { Document } from '../src/checkpoint.js';
import { readCheckpoint, writeCheckpoint } from '../src/checkpoint-file.js';
import { loadDigits } from '../src/data.js';
import { backendOf } from '../src/device.js';
import { captureRun, createRun, type Run, resumeRun, savedRun } from '../src/run.js';
import { type DeviceName, settingsOf } from '../src/settings.js';
import { train } from '../src/train.js';

const LIMIT = 48;
const STEPS = 6;
const settings = { model: 'mlp', limit: LIMIT, batchSize: 16, epochs: 2, seed: 3 } as const;

/** Trains until the run has so many steps. */
async function trainTo(run: Run, steps: number): Promise<void> {
  const stop = new AbortController();
  const afterStep = () => {
    if (run.losses.length === steps) stop.abort();
  };
  await train(run, { signal: stop.signal, afterStep });
}

it.each<[DeviceName, DeviceName]>([
  ['cpu', 'webgpu'],
  ['webgpu', 'cpu'],
])('begun on %s, a run goes on on %s', async (first, second) => {
  const folder = await mkdtemp(join(tmpdir(), 'mnist-device-'));
  const path = join(folder, 'run.ckpt');
  const { train: digits } = await loadDigits(LIMIT, 1);
  const begunOn = await use(await backendOf(first), { log: false });
  const run = createRun(settingsOf({ ...settings, device: first }), digits);
  await trainTo(run, STEPS / 2);
  await writeCheckpoint(path, captureRun(run) as Record<string, Document>);
  await trainTo(run, STEPS);

  const goesOn = await use(await backendOf(second), { log: false });
  const resumed = await resumeRun(savedRun(path, await readCheckpoint(path), { device: second }), digits);
  expect(resumed.settings.device).toBe(second);
  expect(resumed.losses).toEqual(run.losses.slice(0, STEPS / 2));
  await trainTo(resumed, STEPS);
  expect(resumed.losses).toHaveLength(STEPS);
  resumed.losses.forEach((loss, step) => {
    expect(Math.abs(loss - run.losses[step])).toBeLessThan(1e-3);
  });
  for (const device of [begunOn, goesOn]) await device.destroy();
  await rm(folder, { recursive: true });
});
