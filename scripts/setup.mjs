/**
 * Makes a checkout ready to use with nothing but Node and npm: installs the dependencies when they are missing or
 * the lockfile has changed, and with `--build [package]` builds what is stale. Running it again costs little. It speaks
 * on stderr, because stdout belongs to the program that is set up for.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pinnedPnpm, root, toolEnvironment } from './workspace.mjs';

const minimumNode = 20;
const stampFile = join(root, 'node_modules/.neurite-install');

/**
 * A hash and not a time, because git gives every file of a checkout a new one. The Node platform counts because
 * esbuild, Biome and turbo are binaries.
 */
function installStamp() {
  const hash = createHash('sha256');
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml']) hash.update(readFileSync(join(root, file)));
  return `${process.platform}-${process.arch}-${hash.digest('hex')}\n`;
}

function isInstalled() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === installStamp();
}

/** Runs quietly; what the command said is shown only when it failed. */
function run(command, args, what) {
  const result = spawnSync(command, args, {
    cwd: root,
    env: toolEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    // npx and turbo are .cmd files on Windows, which only a shell starts.
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
    throw new Error(
      `${what} failed: ${result.error?.message ?? `exit code ${result.status ?? result.signal}`}`,
    );
  }
}

export function install() {
  if (isInstalled()) return;
  console.error('setup: installing dependencies');
  run('npx', ['--yes', pinnedPnpm(), 'install', '--frozen-lockfile'], 'pnpm install');
  writeFileSync(stampFile, installStamp());
}

/** Builds `packages` with the packages they depend on, or everything. Turbo skips what has not changed. */
export function build(packages = []) {
  console.error(`setup: building ${packages.length > 0 ? packages.join(', ') : 'all packages'}`);
  const filters = packages.map((name) => `--filter=${name}`);
  run('turbo', ['run', 'build', '--output-logs=errors-only', '--no-color', ...filters], 'build');
}

/** @param {{build?: boolean | string[]}} options what to build after installing: everything, or these packages */
export function setup({ build: wanted = false } = {}) {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < minimumNode) {
    throw new Error(`setup: Node ${process.versions.node} is too old: ${minimumNode} or newer is needed`);
  }
  install();
  if (wanted) build(wanted === true ? [] : wanted);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [flag, ...packages] = process.argv.slice(2);
  if (flag !== undefined && flag !== '--build') {
    console.error(`setup: unknown option ${flag}: expected --build [package ...]`);
    process.exit(2);
  }
  try {
    setup({ build: flag === '--build' && (packages.length > 0 ? packages : true) });
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
