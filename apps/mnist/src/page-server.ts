/** The page: bundled, and served to this machine. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NeuriteError } from '@neurite/tensor';
import { digitsFolder } from './data.js';

// The same from `src` and from `dist`.
const SOURCES = fileURLToPath(new URL('../src/page/', import.meta.url));

export interface PageServer {
  /** `http://localhost:PORT` */
  readonly origin: string;
  close(): Promise<void>;
}

/**
 * Serves the page, cross-origin isolated, so that the CPU backend has its threads.
 *
 * @param port 0 for a free one. What a browser keeps of a run belongs to host and port.
 * @throws NeuriteError where the port is taken.
 */
export async function servePage(port: number): Promise<PageServer> {
  const [content, { startServer }] = await Promise.all([bundlePage(), import('@neurite/browser/server')]);
  try {
    return await startServer({
      content,
      port,
      isolated: true,
      folders: { '/mnist': digitsFolder() },
      headers: {},
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new NeuriteError(`port ${port} is taken, name another with --port`, { cause });
  }
}

/** The page's files by path. */
async function bundlePage(): Promise<Map<string, string | Uint8Array>> {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: ['page.ts', 'worker.ts', 'page.css'].map((name) => SOURCES + name),
    bundle: true,
    minify: true,
    sourcemap: 'inline',
    write: false,
    outdir: SOURCES,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['neurite-source'],
    logLevel: 'silent',
  });
  const files = new Map<string, string | Uint8Array>();
  for (const { path, contents } of outputFiles) files.set(`/${basename(path)}`, contents);
  return files.set('/index.html', await readFile(`${SOURCES}index.html`, 'utf8'));
}
