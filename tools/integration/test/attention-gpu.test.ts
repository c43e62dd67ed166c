/** Attention in one kernel, and its gradients: against what the reference backend makes of the decomposition. */
import { fileURLToPath } from 'node:url';
import { type GpuBackend, webgpu } from '@neurite/backend-webgpu';
import { type Browser, launch, onAnyGpu, type Page } from '@neurite/browser';
import { autocast, cat, type Device, explain, realize, type Tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type * as inPage from './entries/attention.js';
import { type AttentionCase, outputs } from './entries/attention.js';

let gpu: Device;
let basic: Device;
let host: Device;
beforeAll(async () => {
  host = await use(reference(), { log: false });
  basic = await use(onAnyGpu(webgpu({ limits: 'default' })), { log: false });
  gpu = await use(onAnyGpu(webgpu()), { log: false, validateWith: reference() });
});
afterAll(async () => {
  await gpu.destroy();
  await basic.destroy();
  await host.destroy();
});

/** Few and small: a software adapter takes seconds to compile each of these kernels. */
const CASES: readonly AttentionCase[] = [
  { batch: [2, 2], m: 40, n: 40, d: 8, e: 8, causal: true, heads: true },
  { m: 34, n: 9, d: 5, e: 7, mask: 'rows' },
  { batch: [2], m: 35, n: 50, d: 4, e: 12, mask: 'float', scale: 0.7 },
];
/** Elements that share words with those of other rows, other batches and other workgroups. */
const HALVES: readonly AttentionCase[] = [
  { batch: [3], m: 35, n: 33, d: 5, e: 7, dtype: 'float16', causal: true },
  { m: 33, n: 11, d: 3, e: 3, dtype: 'float16', mask: 'float' },
  { m: 5, n: 3, d: 3, e: 1, dtype: 'float16', mask: 'float rows' },
  { batch: [1, 2], m: 6, n: 6, d: 4, e: 4, dtype: 'float16', heads: true, mask: 'bool' },
];
/** On default limits: the widest heads, and blocks of 64 rows. */
const WIDE: readonly AttentionCase[] = [
  { m: 36, n: 34, d: 128, e: 128, causal: true },
  { batch: [8, 8], m: 65, n: 33, d: 6, e: 40 },
];
const nameOf = (c: AttentionCase) => JSON.stringify(c);

/** NaN is equal to NaN; where the oracle has one, there is nothing else to be. */
function furthest(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Number.isNaN(actual[i]) !== Number.isNaN(expected[i])) return Number.POSITIVE_INFINITY;
    if (!Number.isNaN(expected[i])) most = Math.max(most, Math.abs(actual[i] - expected[i]));
  }
  return most;
}

/**
 * Of float32: what the reference backend makes of single operations. Of float16, of which kernels compute in float32 and round once: 4 units
 * in the last place of a number as large as the largest, from what float64 gives.
 */
async function check(c: AttentionCase, actual: readonly ArrayLike<number>[]): Promise<void> {
  const isHalf = c.dtype === 'float16';
  const wanted = outputs(c, host, isHalf ? 'float64' : 'float32');
  expect(actual).toHaveLength(wanted.length);
  for (const [i, t] of wanted.entries()) {
    const expected = await t.data();
    const sizes = Array.from(expected, (x) => (Number.isNaN(x) ? 0 : Math.abs(x)));
    const largest = sizes.reduce((a, b) => Math.max(a, b));
    expect(actual[i]).toHaveLength(expected.length);
    expect(furthest(actual[i], expected)).toBeLessThanOrEqual(isHalf ? 2 ** -9 * largest : 2e-5);
  }
}

async function compare(c: AttentionCase, device: Device): Promise<void> {
  const tensors = outputs(c, device);
  expect(tensors.map((t) => t.dtype)).toEqual(tensors.map(() => c.dtype ?? 'float32'));
  await check(c, await Promise.all(tensors.map((t) => t.data())));
}

describe('attention', () => {
  test.each(['float32', 'float16'] as const)(
    'of %s is one dispatch, and its gradients are three more',
    async (dtype) => {
      const c: AttentionCase = { batch: [2], m: 40, n: 35, d: 4, e: 6, dtype };
      const { counters } = basic.backend as GpuBackend;
      const dispatchesOf = async (...tensors: Tensor[]): Promise<number> => {
        const before = counters.dispatches;
        await realize(...tensors);
        await basic.backend.synchronize();
        return counters.dispatches - before;
      };
      const { kernels } = await explain(outputs(c, basic)[0]);
      expect(kernels.map(({ name, specialized }) => [name, specialized])).toEqual([['attention', true]]);
      expect(kernels[0].source).toContain('fn attention');
      expect(await dispatchesOf(outputs(c, basic)[0])).toBe(1);
      expect(await dispatchesOf(...outputs(c, basic))).toBe(1 + 3);
    },
  );

  for (const c of [...CASES, ...HALVES]) test(nameOf(c), () => compare(c, gpu));

  test.each([
    ['float16', (c: AttentionCase) => outputs({ ...c, dtype: 'float16' }, gpu)],
    ['float32 in autocast', (c: AttentionCase) => autocast(() => outputs(c, gpu))],
  ] as const)('of %s has no scores in memory either, nor its gradients', async (_, compute) => {
    const tensors = compute({ m: 40, n: 36, d: 4, e: 6 });
    expect(tensors[0].dtype).toBe('float16');
    const plan = await explain(cat(tensors.map((t) => t.reshape(-1).float())));
    const own = plan.kernels.map(({ name }) => name).filter((name) => name.startsWith('attention'));
    expect(own).toEqual([
      'attention_attentionLogSumExp',
      'attentionGradQuery',
      'attentionGradKey_attentionGradValue',
    ]);
    const sizes = [...`${plan}`.matchAll(/float(?:16|32)\[(\d+)\]/g)].map((match) => Number(match[1]));
    expect(sizes).toContain(40 * 4);
    expect(Math.max(...sizes)).toBeLessThan(40 * 36);
  });
});

describe('attention on default limits', () => {
  for (const c of WIDE) test(nameOf(c), () => compare(c, basic));
});

describe('attention in a browser', () => {
  let browser: Browser;
  let page: Page<typeof inPage>;
  beforeAll(async () => {
    browser = await launch();
    const entry = fileURLToPath(new URL('entries/attention.ts', import.meta.url));
    page = await browser.open<typeof inPage>({ entry, thread: 'worker' });
  });
  afterAll(() => browser?.close());

  for (const c of [...CASES, ...HALVES])
    test(nameOf(c), async () => check(c, await page.run('computeOnGpu', c)));
});
