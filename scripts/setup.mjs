/**
 * Makes a checkout ready to use with nothing but Node and npm: installs the dependencies when they are missing or
 * the lockfile has changed, and with `--build` builds what is stale. Running it again costs little. It speaks
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

function install() {
  if (isInstalled()) return;
  console.error('setup: installing dependencies');
  run('npx', ['--yes', pinnedPnpm(), 'install', '--frozen-lockfile'], 'pnpm install');
  writeFileSync(stampFile, installStamp());
}

/** Turbo skips what has not changed. */
function runTurbo(task, args) {
  run('turbo', ['run', task, '--output-logs=errors-only', '--no-color', ...args], task);
}

/**
 * Installs, then builds what is asked for.
 *
 * @param {{build?: boolean, program?: string}} options everything, or only what it takes to run this one program
 */
export function setup({ build = false, program } = {}) {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < minimumNode) {
    throw new Error(`setup: Node ${process.versions.node} is too old: ${minimumNode} or newer is needed`);
  }
  install();
  if (program) {
    console.error(`setup: bundling ${program}`);
    runTurbo('bundle', [`--filter=${program}`]);
  }
  if (build) {
    console.error('setup: building all packages');
    runTurbo('build', []);
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [flag] = process.argv.slice(2);
  if (flag !== undefined && flag !== '--build') {
    console.error(`setup: unknown option ${flag}: expected --build or nothing`);
    process.exit(2);
  }
  try {
    setup({ build: flag === '--build' });
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
