/**
 * The size of every published entry point, as a user's bundler sees it: bundled with esbuild from `dist`, minified,
 * without the other packages, then gzipped; what is imported dynamically is not counted. Fails when one is over its budget. Needs a build (`npm run build`).
 */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { publicPackages, root } from './workspace.mjs';

/**
 * Bytes after gzip: what was measured when the first version was complete, and a fifth more. Raise one only in the
 * change that needs it, and say there what the bytes are for. The test kit and
 * the reference backend share tensor's core, which they hold here; beside `@neurite/tensor` they weigh 8 kB.
 */
const budgets = {
  '@neurite/autograd': 9_500,
  '@neurite/backend-cpu': 32_000,
  '@neurite/backend-webgpu': 29_500,
  '@neurite/data': 11_500,
  '@neurite/nn': 23_500,
  '@neurite/optim': 12_500,
  '@neurite/tensor': 59_500,
  '@neurite/tensor/reference': 43_000,
  '@neurite/tensor/testkit': 69_500,
};

/** What a bundle's entry loads at once, gzipped: what is imported dynamically is an entry point of its own, and not counted. */
async function loadedSize(options, entryPoint) {
  const { metafile, outputFiles } = await build({
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    metafile: true,
    write: false,
    logLevel: 'error',
    outdir: root,
    absWorkingDir: root,
    ...options,
  });
  const { outputs } = metafile;
  const entry = Object.keys(outputs).find((path) => outputs[path].entryPoint === entryPoint);
  const loaded = new Set([entry]);
  for (const path of loaded) {
    for (const { path: next, kind } of outputs[path].imports)
      if (kind === 'import-statement' && next in outputs) loaded.add(next);
  }
  const texts = outputFiles.filter(({ path }) => loaded.has(relative(root, path)));
  return gzipSync(texts.map(({ text }) => text).join(''), { level: 9 }).length;
}

function entrySize({ directory, manifest }, target) {
  return loadedSize(
    {
      entryPoints: [join(directory, target)],
      external: ['node:*', ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })],
    },
    relative(root, join(directory, target)),
  );
}

/**
 * A whole program, as a page would load it: what trains an MLP, with every package that it needs. What it loads dynamically is not
 * counted: this program loads none of it (the interpreter, the lowering of scalar ops, checks, and the parts of the CPU's code generator
 * that larger or rarer kernels ask for). The aim is 70 kB; of what is there, the CPU backend is a third, the ops that are methods
 * of `Tensor` a fifth, scheduler and kernel language a fifth. Two fifths of all this the program never calls: methods of `Tensor` and `Module` and
 * rules of gradients return at once, so they cannot be loaded late. Shortening the names of inner properties would save 1.2 kB and make
 * stack traces unreadable.
 */
const trainsMlp = {
  name: 'a program that trains an MLP',
  budget: 84_000,
  source: `
    import '@neurite/autograd';
    import { cpu } from '@neurite/backend-cpu';
    import { CrossEntropyLoss, Linear, ReLU, Sequential } from '@neurite/nn';
    import { Adam } from '@neurite/optim';
    import { randint, randn, use } from '@neurite/tensor';
    await use(cpu());
    const model = new Sequential(new Linear(784, 512), new ReLU(), new Linear(512, 10));
    const optimizer = new Adam(model.parameters());
    const criterion = new CrossEntropyLoss();
    for (let i = 0; i < 100; i++) {
      optimizer.zeroGrad();
      const loss = criterion(model(randn([32, 784])), randint(0, 10, [32]));
      loss.backward();
      await optimizer.step();
      console.log(await loss.item());
    }`,
};

const programSize = ({ source }) =>
  loadedSize(
    {
      stdin: { contents: source, resolveDir: join(root, 'tools/integration') },
      external: ['node:*'],
      // Without the condition that leads to sources: what is published.
      conditions: [],
    },
    '<stdin>',
  );

const unbuilt = publicPackages().filter(({ directory }) => !existsSync(join(directory, 'dist')));
if (unbuilt.length > 0) {
  console.error(`size: not built: ${unbuilt.map(({ name }) => name).join(', ')} (npm run build)`);
  process.exit(1);
}
let over = 0;

function judge(name, size, budget) {
  const ok = budget !== undefined && size <= budget;
  if (!ok) over++;
  const verdict = ok ? 'ok  ' : budget === undefined ? 'NONE' : 'OVER';
  console.log(`${verdict} ${name.padEnd(30)} ${String(size).padStart(7)} of ${budget ?? 'no budget'} bytes`);
}

for (const entry of publicPackages()) {
  for (const [path, target] of Object.entries(entry.manifest.publishConfig.exports)) {
    if (typeof target === 'string') continue;
    const name = entry.name + path.slice(1);
    judge(name, await entrySize(entry, target.default), budgets[name]);
  }
}
judge(trainsMlp.name, await programSize(trainsMlp), trainsMlp.budget);
console.log(
  over === 0
    ? 'size: within budget'
    : `size: ${over} entry points without or over their budget (scripts/size.mjs)`,
);
process.exit(over === 0 ? 0 : 1);
