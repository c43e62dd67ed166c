/** Bundling an entry module for a page. */
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { PAGE, PAGE_SCRIPT, WORKER_SCRIPT } from './host/protocol.js';

const HOST = fileURLToPath(new URL('../src/host/', import.meta.url));

/** Which module a page runs, and how. */
export interface BundleOptions {
  /** Absolute path of the module whose exported functions the page runs; it may import packages of this workspace. */
  readonly entry: string;
  /** Where the module runs: on the page's main thread (default) or in a dedicated module worker. */
  readonly thread?: 'page' | 'worker';
  /** Whether the bundle is minified, as a site would have it (default false). */
  readonly minify?: boolean;
}

/** The files of a page that runs an entry module, by path. Throws what the bundler finds wrong. */
export async function bundlePage(options: BundleOptions): Promise<Map<string, string>> {
  const { entry, thread = 'page', minify = false } = options;
  if (!isAbsolute(entry)) throw new Error(`browser: entry ${entry} is no absolute path`);
  const files = new Map([
    [PAGE, `<!doctype html><title>neurite</title><script type="module" src="${PAGE_SCRIPT}"></script>`],
  ]);
  const onEntry = (host: string, serve: string) =>
    bundle(
      `import * as entry from ${JSON.stringify(entry)};
       import { ${serve} } from ${JSON.stringify(HOST + host)};
       ${serve}(entry);`,
      minify,
    );
  if (thread === 'page') return files.set(PAGE_SCRIPT, await onEntry('page.ts', 'serveFromPage'));
  const page = `import { serveThroughWorker } from ${JSON.stringify(`${HOST}worker.ts`)}; serveThroughWorker();`;
  files.set(PAGE_SCRIPT, await bundle(page));
  return files.set(WORKER_SCRIPT, await onEntry('worker.ts', 'serveFromWorker'));
}

async function bundle(contents: string, minify = false): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: HOST, loader: 'ts' },
    bundle: true,
    minify,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['neurite-source'],
    sourcemap: 'inline',
    logLevel: 'silent',
  });
  return outputFiles[0].text;
}
