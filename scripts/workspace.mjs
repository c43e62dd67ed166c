import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The version that package.json pins, so that it is written in one place. */
export function pinnedPnpm() {
  return readJson(join(root, 'package.json')).packageManager;
}

export function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/**
 * Every workspace package below `base`: `{name, directory, folder, manifest}`, where `folder` is the
 * path from `base` with forward slashes (`packages/tensor`).
 */
export function workspacePackages(base = root) {
  const folders = ['packages', 'apps', 'tools'].flatMap((parent) =>
    existsSync(join(base, parent)) ? readdirSync(join(base, parent)).map((name) => `${parent}/${name}`) : [],
  );
  return [...folders, 'benchmarks']
    .filter((folder) => existsSync(join(base, folder, 'package.json')))
    .map((folder) => {
      const manifest = readJson(join(base, folder, 'package.json'));
      return { name: manifest.name, directory: join(base, folder), folder, manifest };
    });
}

/** The packages that are published. */
export function publicPackages() {
  return workspacePackages().filter(({ manifest }) => !manifest.private);
}

/**
 * The environment for tools of this workspace: their binaries on the PATH (turbo looks up `pnpm` there),
 * no prompt, no telemetry.
 */
export function toolEnvironment() {
  return {
    ...process.env,
    CI: 'true',
    PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}`,
    TURBO_TELEMETRY_DISABLED: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
    DO_NOT_TRACK: '1',
  };
}
