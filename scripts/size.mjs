/**
 * The size of every published entry point, as a user's bundler sees it: bundled with esbuild from `dist`, minified,
 * without the other packages, then gzipped. Fails when one is over its budget. Needs a build (`npm run build`).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { publicPackages } from './workspace.mjs';

/**
 * Bytes after gzip: what was measured when the first version was complete, and a fifth more. Raise one only in the
 * change that needs it, and say there what the bytes are for. The test kit records random graphs, so it holds tensor.
 */
const budgets = {
  '@neurite/autograd': 9_500,
  '@neurite/backend-cpu': 36_000,
  '@neurite/data': 11_500,
  '@neurite/nn': 23_500,
  '@neurite/optim': 12_500,
  '@neurite/tensor': 63_000,
  '@neurite/tensor/reference': 8_500,
  '@neurite/tensor/testkit': 73_000,
};

async function gzippedSize({ directory, manifest }, target) {
  const result = await build({
    absWorkingDir: directory,
    entryPoints: [join(directory, target)],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    external: ['node:*', ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })],
    write: false,
    logLevel: 'error',
    outdir: directory,
  });
  const code = result.outputFiles.reduce((text, file) => text + file.text, '');
  return gzipSync(code, { level: 9 }).length;
}

const unbuilt = publicPackages().filter(({ directory }) => !existsSync(join(directory, 'dist')));
if (unbuilt.length > 0) {
  console.error(`size: not built: ${unbuilt.map(({ name }) => name).join(', ')} (npm run build)`);
  process.exit(1);
}
let over = 0;
for (const entry of publicPackages()) {
  for (const [path, target] of Object.entries(entry.manifest.publishConfig.exports)) {
    if (typeof target === 'string') continue;
    const name = entry.name + path.slice(1);
    const size = await gzippedSize(entry, target.default);
    const budget = budgets[name];
    const ok = budget !== undefined && size <= budget;
    if (!ok) over++;
    const verdict = ok ? 'ok  ' : budget === undefined ? 'NONE' : 'OVER';
    console.log(
      `${verdict} ${name.padEnd(26)} ${String(size).padStart(7)} of ${budget ?? 'no budget'} bytes`,
    );
  }
}
console.log(
  over === 0
    ? 'size: within budget'
    : `size: ${over} entry points without or over their budget (scripts/size.mjs)`,
);
process.exit(over === 0 ? 0 : 1);
