/** The backend in a real browser. */
import { fileURLToPath } from 'node:url';
import { type Browser, launch } from '@neurite/browser';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type * as kit from './entries/kit.js';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

test.each([
  ['page', {}],
  ['worker', {}],
  ['worker', { limits: 'default' }],
] as const)('on the thread %s, %o: passes the backend test kit', async (thread, options) => {
  const entry = fileURLToPath(new URL('entries/kit.ts', import.meta.url));
  const page = await browser.open<typeof kit>({ entry, thread });
  const { notes, names, failures } = await page.run('run', options, 10);
  await page.close();
  console.info(`webgpu in ${browser.version}: ${notes.join(', ')}`);
  expect(failures).toEqual([]);
  expect(names.length).toBeGreaterThan(700);
});
