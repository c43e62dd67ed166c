/**
 * `npm test`: every check of the repository, one stage after the other. A failed stage does not hide the next one;
 * the last line counts the tests and the other stages, `N passed, N failed`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countVitest } from './count-vitest.mjs';
import { readJson, root, toolEnvironment } from './workspace.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'neurite-test-'));
const vitestReport = join(scratch, 'vitest.json');

const stages = [
  { name: 'set-up', command: 'node', args: ['scripts/setup.mjs'] },
  { name: 'lint and format', command: 'biome', args: ['check', '--error-on-warnings', '.'] },
  { name: 'unused', command: 'knip', args: ['--no-config-hints'] },
  { name: 'layers', command: 'node', args: ['scripts/check-layers.mjs'] },
  { name: 'build', command: 'node', args: ['scripts/setup.mjs', '--build'] },
  { name: 'types', command: 'tsc', args: ['-p', 'tsconfig.json'] },
  {
    name: 'tests',
    command: 'vitest',
    args: ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${vitestReport}`],
    count: countTests,
  },
  { name: 'packages', command: 'node', args: ['scripts/packaging/main.mjs'] },
  { name: 'size', command: 'node', args: ['scripts/size.mjs'] },
];

function runStage({ name, command, args, count = countStage }) {
  console.log(`\n=== ${name}`);
  const start = performance.now();
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    env: toolEnvironment(),
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (error) console.error(error.message);
  if (signal) console.error(`${command} was ended by ${signal}`);
  const seconds = (performance.now() - start) / 1000;
  return { name, ok: status === 0, seconds, ...count(status === 0) };
}

function countStage(ok) {
  return ok ? { passed: 1, failed: 0, failures: [] } : { passed: 0, failed: 1, failures: [] };
}

function countTests(ok) {
  return countVitest(existsSync(vitestReport) ? readJson(vitestReport) : undefined, ok);
}

const results = [];
try {
  for (const stage of stages) {
    results.push(runStage(stage));
    // Without dependencies every later stage would fail for the same reason.
    if (stage.name === 'set-up' && !results[0].ok) break;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

console.log('\n=== summary');
for (const { name, ok, seconds, passed, failed } of results) {
  const counts = passed + failed > 1 ? `  ${passed} passed, ${failed} failed` : '';
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(16)} ${seconds.toFixed(1).padStart(6)} s${counts}`);
}
for (const failure of results.flatMap(({ failures }) => failures)) console.log(`FAILED ${failure}`);
const total = (key) => results.reduce((sum, result) => sum + result[key], 0);
console.log(`${total('passed')} passed, ${total('failed')} failed`);
process.exit(results.every(({ ok, failed }) => ok && failed === 0) ? 0 : 1);
