/** `profile` of training steps, on every backend, in Node and in Chromium. */
import { fileURLToPath } from 'node:url';
import { cpu } from '@neurite/backend-cpu';
import { webgpu } from '@neurite/backend-webgpu';
import { type Browser, launch, onAnyGpu } from '@neurite/browser';
import type { Clock } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as inPage from './entries/profile.js';
import { type Profiled, profileOn } from './entries/profile.js';

const NETWORKS = ['mlp', 'conv'] as const;

interface TraceEvent {
  readonly ph: string;
  readonly name: string;
  readonly cat?: string;
  readonly dur: number;
}

function check({ plain, profiled, reports, tables, traces }: Profiled, clock: Clock['kind']): void {
  expect(profiled).toEqual(plain);
  expect(profiled.losses[3]).toBeLessThan(profiled.losses[0]);
  reports.forEach((report, i) => {
    const { kernels, clocks, wallTime, kernelTime, host, counts } = report;
    expect(clocks).toMatchObject([{ kind: clock }]);
    const [{ resolution }] = clocks;
    expect(kernels.reduce((sum, { calls }) => sum + calls, 0)).toBe(counts.kernelsRun);
    // Rounded timestamps may be late by a step.
    expect(kernelTime).toBeLessThanOrEqual(wallTime + resolution);
    expect(kernelTime).toBeLessThanOrEqual(host.waiting + resolution);
    expect(host.rest).toBeGreaterThan(0);
    expect(kernels.some(({ flops }) => flops > 0)).toBe(true);
    const events = (JSON.parse(traces[i]) as { traceEvents: TraceEvent[] }).traceEvents;
    const runs = events.filter(({ cat }) => cat === 'kernel');
    expect(runs).toHaveLength(counts.kernelsRun);
    expect(runs.reduce((sum, { dur }) => sum + dur, 0)).toBeCloseTo(kernelTime, 3);
    for (const { name } of kernels) expect(tables[i]).toContain(name);
  });
  // Both networks run known plans from the fourth step on, and the same kernels in each.
  const [third, last] = [reports[2], reports[3]];
  expect(last.counts).toMatchObject({ plansBuilt: 0, programsCompiled: 0 });
  expect(last.host.planning + last.host.compiling).toBe(0);
  expect(last.kernels.map(({ name }) => name).sort()).toEqual(third.kernels.map(({ name }) => name).sort());
}

describe.each(NETWORKS)('a step of %s', (network) => {
  it.each([
    ['reference', reference(), 'host'],
    ['cpu', cpu({ threads: 2 }), 'host'],
    ['webgpu', onAnyGpu(webgpu()), 'device'],
    ['webgpu without timestamps', onAnyGpu(webgpu({ limits: 'default' })), 'host'],
  ] as const)('%s', async (_, factory, clock) => {
    check(await profileOn(factory, network), clock);
  });
});

describe('in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it.each([
    ['profileOnCpu', 'worker', 'host'],
    ['profileOnGpu', 'worker', 'device'],
    ['profileWithoutClock', 'page', 'host'],
  ] as const)('%s, on the thread %s', async (name, thread, clock) => {
    const entry = fileURLToPath(new URL('entries/profile.ts', import.meta.url));
    const page = await browser.open<typeof inPage>({ entry, thread });
    for (const network of NETWORKS) {
      const outcome = await page.run(name, network);
      check(outcome, clock);
      const { resolution } = outcome.reports[0].clocks[0];
      console.info(`${name}: clock in steps of ${resolution.toFixed(3)} µs`);
    }
    await page.close();
  });
});
