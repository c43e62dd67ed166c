/** Running a folder of vectors in a headless browser. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BackendName } from './backends.js';
import { suitesIn } from './node.js';
import type { OnCase, RunOptions } from './run.js';

const VECTORS = '/vectors';
const PAGE = fileURLToPath(new URL('../src/page.ts', import.meta.url));

/** Runs the suites of a folder on a backend, in a worker of a cross-origin isolated page. */
export async function runInBrowser(
  folder: string,
  backend: BackendName,
  options: RunOptions,
  onCase: OnCase,
): Promise<void> {
  // Loaded only here: who runs vectors in Node needs no browser.
  const { launch } = await import('@neurite/browser');
  const browser = await launch();
  try {
    console.info(`conformance: in a worker of headless ${browser.version}`);
    const page = await browser.open<typeof import('./page.js')>({
      entry: PAGE,
      thread: 'worker',
      folders: { [VECTORS]: resolve(folder) },
    });
    for (const result of await page.run('runSuites', VECTORS, suitesIn(folder), backend, options)) {
      onCase(...result);
    }
  } finally {
    await browser.close();
  }
}
