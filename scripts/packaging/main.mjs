/**
 * Packs every published package and treats the tarball as a stranger would: publint and attw judge its manifest and
 * types; then it is installed alone (with the packages it names as peers) into an empty project, where a small
 * program is type-checked strictly and run. Needs a build (`npm run build`).
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publicPackages, root } from '../workspace.mjs';
import { run } from './run.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'neurite-packaging-'));
const consumers = join(root, 'scripts/packaging/consumers');

async function pack({ name, directory }) {
  const tarball = join(scratch, `${name.replace('@neurite/', '')}.tgz`);
  await run('pnpm', ['pack', '--out', tarball], directory);
  return tarball;
}

function publint(_, tarball) {
  return run('publint', ['run', tarball, '--strict'], root);
}

/** `esm-only`: there is no CommonJS build by design, so `require` from an old Node is not checked. */
function attw(_, tarball) {
  return run(
    'attw',
    [tarball, '--profile', 'esm-only', '--no-definitely-typed', '--no-emoji', '--no-color'],
    root,
  );
}

async function consume({ name, manifest }, tarball, tarballs) {
  const shortName = name.replace('@neurite/', '');
  const program = join(consumers, `${shortName}.ts`);
  if (!existsSync(program))
    throw new Error(`${name} has no consumer program scripts/packaging/consumers/${shortName}.ts`);
  const project = join(scratch, shortName);
  mkdirSync(project);
  cpSync(program, join(project, 'main.ts'));
  writeJson(join(project, 'package.json'), { name: 'consumer', private: true, type: 'module' });
  writeJson(join(project, 'tsconfig.json'), {
    compilerOptions: {
      target: 'ES2022',
      lib: ['ES2022', 'DOM'],
      module: 'NodeNext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      types: [],
    },
    files: ['main.ts'],
  });
  // Peers that are not ours are optional ones, and a stranger has not got them.
  const peers = Object.keys(manifest.peerDependencies ?? {}).flatMap((peer) => tarballs.get(peer) ?? []);
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball, ...peers], project);
  await run('tsc', ['-p', '.'], project);
  return run('node', ['main.js'], project);
}

let passed = 0;
let failed = 0;
try {
  const packages = publicPackages();
  const tarballs = new Map();
  for (const entry of packages) tarballs.set(entry.name, await pack(entry));
  for (const entry of packages) {
    for (const check of [publint, attw, consume]) {
      try {
        await check(entry, tarballs.get(entry.name), tarballs);
        passed++;
        console.log(`ok     ${entry.name} ${check.name}`);
      } catch (error) {
        failed++;
        console.error(`FAILED ${entry.name} ${check.name}\n${error.message}`);
      }
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`packages: ${passed} checks passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

function writeJson(path, value) {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}
