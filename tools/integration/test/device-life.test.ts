/** Devices that are lost, missing, left alone, or used for long. */
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { cpu } from '@neurite/backend-cpu';
import { type GpuBackend, webgpu } from '@neurite/backend-webgpu';
import { launch, onAnyGpu } from '@neurite/browser';
import { compile, DeviceLostError, memory, type Tensor, tensor, use } from '@neurite/tensor';
import { afterEach, expect, it, vi } from 'vitest';
import type * as inPage from './entries/device-life.js';
import { checkpoint, restore, training } from './entries/device-life.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

it('without an adapter the next backend is taken, and the line says why', async () => {
  vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => null } });
  const lines: string[] = [];
  const device = await use(webgpu(), cpu({ threads: 1 }), { log: (line) => lines.push(line) });
  expect(lines).toEqual([expect.stringMatching(/^neurite: using cpu \(.*\); not webgpu: no adapter$/)]);
  expect(await tensor([1, 2]).mul(2).array()).toEqual([2, 4]);
  await device.destroy();
});

it('after a loss a new device goes on from the checkpoint, as if nothing had been', async () => {
  const whole = await use(onAnyGpu(webgpu()), { log: false });
  const uninterrupted = training();
  for (let i = 0; i < 3; i++) await uninterrupted.step();
  const wanted = await checkpoint(uninterrupted.model);
  await whole.destroy();

  const first = await use(onAnyGpu(webgpu()), { log: false });
  const before = training();
  for (let i = 0; i < 3; i++) await before.step();
  const kept = await checkpoint(before.model);
  expect(kept).toEqual(wanted);
  const pending = before.step();
  (first.backend as GpuBackend).device.destroy();
  await expect(pending).rejects.toThrow(DeviceLostError);
  await expect(before.step()).rejects.toThrow(DeviceLostError);
  await first.destroy();

  const second = await use(onAnyGpu(webgpu()), { log: false });
  const after = training();
  const fresh = await after.step();
  restore(after.model, kept);
  const losses: number[] = [];
  for (let i = 0; i < 10; i++) losses.push(await after.step());
  expect(losses[9]).toBeLessThan(losses[0]);
  expect(losses[0]).toBeLessThan(fresh);
  await second.destroy();
});

it('a device that is lost in a replay fails that call and the next ones', async () => {
  const device = await use(onAnyGpu(webgpu()), { log: false });
  const weight = tensor([1, 2, 3]);
  const double = compile((x: Tensor) => x.mul(weight).sum());
  for (let i = 0; i < 4; i++) expect(await double(tensor([i, i, i])).item()).toBe(6 * i);
  expect(double.report.replays).toBeGreaterThan(0);
  const { replays } = double.report;
  const pending = double(tensor([1, 1, 1])).item();
  (device.backend as GpuBackend).device.destroy();
  await expect(pending).rejects.toThrow(DeviceLostError);
  expect(double.report.replays).toBe(replays + 1);
  await expect(double(tensor([1, 1, 1])).item()).rejects.toThrow(DeviceLostError);
  await device.destroy();
  const next = await use(onAnyGpu(webgpu()), { log: false });
  for (let i = 0; i < 4; i++) expect(await double(tensor([i, 0, 0])).item()).toBe(i);
  await next.destroy();
});

it('two thousand steps hold the memory of the GPU and of the process', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const device = await use(onAnyGpu(webgpu()), { log: false });
  const gpu = device.backend as GpuBackend;
  const { step } = training();
  const live: number[] = [];
  const resident: number[] = [];
  const made: number[] = [];
  for (let i = 1; i <= 2000; i++) {
    await step();
    // How many buffers are in use at once depends little on when the collector would have come.
    if (i % 10 === 0) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (i % 100) continue;
    made.push(gpu.counters.buffers + gpu.counters.pipelines);
    live.push(memory(device).live);
    resident.push(Math.round(process.memoryUsage().rss / 2 ** 20));
  }
  console.info(`live bytes ${live.join(' ')}; resident MiB ${resident.join(' ')}`);
  // What was dropped just before a sample may still count in it: the floor tells.
  expect(Math.min(...live.slice(10))).toBeLessThanOrEqual(Math.min(...live.slice(1, 10)));
  expect(made[19]).toBeLessThanOrEqual(made[1] + 10);
  expect(Math.min(...resident.slice(15))).toBeLessThan(Math.min(...resident.slice(5, 10)) * 1.1);
  await device.destroy();
});

it('a page that is closed in the middle of training: another one goes on from the checkpoint', async () => {
  const browser = await launch();
  const entry = fileURLToPath(new URL('entries/device-life.ts', import.meta.url));
  const first = await browser.open<typeof inPage>({ entry, thread: 'worker' });
  const before = await first.run('trainInPage', 5, null);
  const endless = first.run('trainForEver');
  const gone = expect(endless).rejects.toThrow();
  await first.close();
  await gone;
  const second = await browser.open<typeof inPage>({ entry, thread: 'worker' });
  const after = await second.run('trainInPage', 5, before.weights);
  expect(after.losses[0]).toBeLessThan(before.losses[4]);
  expect(after.losses[4]).toBeLessThan(after.losses[0]);
  await browser.close();
});
