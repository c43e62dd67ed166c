/** What runs in the browser: suites that the page's server has. */
import { use } from '@neurite/tensor';
import { BACKENDS, type BackendName } from './backends.js';
import { type OnCase, type RunOptions, runSuite, type SuiteName } from './run.js';
import { parseSuite, type Suite } from './vectors.js';

async function load(path: string): Promise<Response> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: status ${response.status}`);
  return response;
}

async function fetchSuite(path: string): Promise<Suite> {
  const [index, data] = await Promise.all([load(`${path}/index.jsonl`), load(`${path}/data.bin`)]);
  return parseSuite(path, await index.text(), new Uint8Array(await data.arrayBuffer()));
}

/** Runs suites under the path `vectors` on a backend; the arguments of every call of `OnCase`. */
export async function runSuites(
  vectors: string,
  suites: readonly SuiteName[],
  backend: BackendName,
  options: RunOptions,
): Promise<Parameters<OnCase>[]> {
  const device = await use(BACKENDS[backend]());
  const results: Parameters<OnCase>[] = [];
  for (const name of suites) {
    await runSuite(name, await fetchSuite(`${vectors}/${name}`), options, (...c) => results.push(c));
  }
  await device.destroy();
  return results;
}
