/** One seed, one run: initial weights, dropout masks and shuffles have the same bits on every backend. */
import { fileURLToPath } from 'node:url';
import { cpu } from '@neurite/backend-cpu';
import { webgpu } from '@neurite/backend-webgpu';
import { type Browser, launch, onAnyGpu } from '@neurite/browser';
import { reference } from '@neurite/tensor/reference';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as inPage from './entries/random-bits.js';
import { type Drawn, drawOn } from './entries/random-bits.js';

let wanted: Drawn;
beforeAll(async () => {
  wanted = await drawOn(reference());
});

function check(drawn: Drawn): void {
  // Normal numbers come by logarithm and cosine, of which backends promise a few units of the last place.
  const { normal, ...exact } = drawn;
  const { normal: wantedNormal, ...wantedExact } = wanted;
  expect(exact).toEqual(wantedExact);
  normal.forEach((x, i) => expect(x).toBeCloseTo(wantedNormal[i], 4));
}

it('draws what differs from draw to draw', () => {
  expect(new Set(wanted.uniform).size).toBeGreaterThan(1000);
  expect(new Set(wanted.shuffle.slice(0, 23)).size).toBe(23);
  expect(wanted.shuffle.slice(0, 23)).not.toEqual(wanted.shuffle.slice(23));
  const kept = wanted['dropout mask'].filter((x) => x !== 0);
  expect(kept.length / wanted['dropout mask'].length).toBeCloseTo(0.7, 1);
});

it.each([
  ['cpu, 1 thread', cpu({ threads: 1 })],
  ['cpu, 3 threads', cpu({ threads: 3, minParallelWork: 0 })],
  ['webgpu', onAnyGpu(webgpu())],
])('%s', async (_, factory) => {
  check(await drawOn(factory));
});

describe('in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it.each(['drawOnCpu', 'drawOnGpu'] as const)('%s', async (name) => {
    const entry = fileURLToPath(new URL('entries/random-bits.ts', import.meta.url));
    const page = await browser.open<typeof inPage>({ entry, thread: 'worker' });
    check(await page.run(name));
    await page.close();
  });
});
