/** The CPU backend in a real browser: on a page's main thread, in a worker, and without SharedArrayBuffer. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browser, type ConsoleLine, launch, type OpenOptions } from '../src/index.js';
import type * as garbage from './entries/garbage.js';
import * as kit from './entries/kit.js';
import * as training from './entries/training.js';

const STEPS = 12;
const entry = (name: string): string => fileURLToPath(new URL(`entries/${name}.ts`, import.meta.url));

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

type Place = Required<Pick<OpenOptions, 'isolated' | 'thread'>>;

/** What `use` says of threads, given how many the machine runs at once. */
const threaded = (parallelism: number): string => (parallelism > 1 ? `${parallelism} threads` : '1 thread');
const unshared = (): string => '1 thread: page not cross-origin isolated';

const PLACES: readonly (readonly [string, Place, (parallelism: number) => string])[] = [
  ['the main thread of an isolated page', { isolated: true, thread: 'page' }, threaded],
  ['a worker of an isolated page', { isolated: true, thread: 'worker' }, threaded],
  ['the main thread of a page without isolation', { isolated: false, thread: 'page' }, unshared],
  ['a worker of a page without isolation', { isolated: false, thread: 'worker' }, unshared],
];

/** Trains in Node; what comes out is the same everywhere but for the line that says what computes. */
async function trainHere() {
  const { line, ...expected } = await training.train(STEPS);
  expect(line).toContain('using cpu (wasm simd');
  expect(expected.losses[STEPS - 1]).toBeLessThan(expected.losses[0]);
  return expected;
}

it.each(PLACES)('%s: trains as in Node, to the bit, and says with what', async (_, place, note) => {
  const page = await browser.open<typeof training>({ entry: entry('training'), ...place });
  const { line, ...results } = await page.run('train', STEPS);
  const parallelism = await page.run('parallelism');
  await page.close();
  expect(line).toBe(`neurite: using cpu (wasm simd, ${note(parallelism)})`);
  expect(results).toEqual(await trainHere());
});

// The kit's kernels are small: by itself the backend runs most of them in one thread.
const IN_THREADS = { threads: 3, minParallelWork: 0 };

it.each([
  ['the main thread', { thread: 'page' }, {}],
  ['the main thread, every kernel in three threads', { thread: 'page' }, IN_THREADS],
  ['a worker', { thread: 'worker' }, {}],
  ['a worker, every kernel in three threads', { thread: 'worker' }, IN_THREADS],
  ['a page without isolation', { isolated: false }, {}],
] as const)('%s: passes the backend test kit', async (_, place, options) => {
  const page = await browser.open<typeof kit>({ entry: entry('kit'), ...place });
  const { names, failures } = await page.run('run', options);
  await page.close();
  expect(failures).toEqual([]);
  expect(names).toEqual(await kit.names());
});

it.each(['page', 'worker'] as const)('%s: any number of threads gives the same bits', async (thread) => {
  const page = await browser.open<typeof training>({ entry: entry('training'), thread });
  const expected = await trainHere();
  for (const threads of [1, 3, 8]) {
    const { line, ...results } = await page.run('train', STEPS, threads);
    expect(line).toBe(`neurite: using cpu (wasm simd, ${threads === 1 ? '1 thread' : `${threads} threads`})`);
    expect(results).toEqual(expected);
  }
  await page.close();
});

it.each([
  ['page', 1],
  ['page', 2],
  ['worker', 2],
] as const)(
  '%s, %i threads: a loop may make far more than memory holds, if it lets go of it',
  async (thread, threads) => {
    const page = await browser.open<typeof garbage>({ entry: entry('garbage'), thread });
    const { made, peak, budget } = await page.run('loop', threads);
    await page.close();
    expect(made).toBeGreaterThan(budget);
    expect(peak).toBeLessThan(budget / 2);
  },
);

describe.each(['page', 'worker'] as const)('in a page as sites have them, on the thread: %s', (thread) => {
  it('a minified bundle computes the same', async () => {
    const page = await browser.open<typeof training>({ entry: entry('training'), thread, minify: true });
    const { line, ...results } = await page.run('train', STEPS, 2);
    await page.close();
    expect(line).toBe('neurite: using cpu (wasm simd, 2 threads)');
    expect(results).toEqual(await trainHere());
  });

  it('a security policy that forbids its threads is reported, and the same is computed without them', async () => {
    const lines: ConsoleLine[] = [];
    const page = await browser.open<typeof training>({
      entry: entry('training'),
      thread,
      headers: { 'Content-Security-Policy': "worker-src 'self'" },
      log: (line) => lines.push(line),
    });
    const { line, ...results } = await page.run('train', STEPS, 2);
    await page.close();
    if (thread === 'page') expect(line).toContain('(wasm simd, 1 thread: its script could not be loaded)');
    expect(lines.map(({ text }) => text).join()).toContain(
      'cpu: a worker thread is lost (its script could not be loaded); going on with the others',
    );
    expect(results).toEqual(await trainHere());
  });
});
