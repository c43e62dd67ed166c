/** Running a folder of vectors in this process. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onAnyGpu } from '@neurite/browser';
import { use } from '@neurite/tensor';
import { BACKENDS, type BackendName } from './backends.js';
import { type OnCase, type RunOptions, runSuite, SUITES, type SuiteName } from './run.js';
import { parseSuite, type Suite } from './vectors.js';

/** The suites that a folder has. */
export const suitesIn = (folder: string): SuiteName[] =>
  SUITES.filter((s) => existsSync(join(folder, s, 'index.jsonl')));

/** Opens the folder of one suite. */
export const openSuite = (folder: string): Suite =>
  parseSuite(
    folder,
    readFileSync(join(folder, 'index.jsonl'), 'utf8'),
    readFileSync(join(folder, 'data.bin')),
  );

/** Runs the suites of a folder on a backend, in this process. */
export async function runInNode(
  folder: string,
  backend: BackendName,
  options: RunOptions,
  onCase: OnCase,
): Promise<void> {
  const device = await use(onAnyGpu(BACKENDS[backend]()));
  for (const name of suitesIn(folder)) {
    await runSuite(name, openSuite(join(folder, name)), options, onCase);
  }
  await device.destroy();
}
