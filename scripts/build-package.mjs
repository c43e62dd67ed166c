/**
 * Builds the package in the working directory into `dist`: one ES module per entry point and, for a published package,
 * its declarations. Entry points are the `neurite-source` paths of the package's `exports`, and `src/main.ts` of a
 * program (a package with `main`). With `--bundle` it leaves the declarations alone: running needs none, and they
 * take ten times as long.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { build, formatMessages } from 'esbuild';
import { bundleInParts } from './parts.mjs';
import { readJson } from './workspace.mjs';

const directory = process.cwd();
const manifest = readJson(join(directory, 'package.json'));
const source = join(directory, 'src');
const output = join(directory, 'dist');
const bundleOnly = process.argv.includes('--bundle');

function entryPoints() {
  const sources = Object.values(manifest.exports ?? {}).flatMap((target) => target['neurite-source'] ?? []);
  if (manifest.main) sources.unshift(manifest.main.replace(/^\.\/dist\/(.*)\.js$/, './src/$1.ts'));
  const missing = sources.filter((path) => !existsSync(join(directory, path)));
  if (missing.length > 0) {
    throw new Error(
      `${manifest.name}: package.json names entry points that do not exist: ${missing.join(', ')}`,
    );
  }
  return sources.map((path) => resolve(directory, path));
}

/**
 * The modules that an entry point exports as a namespace. Each stays a module of its own: inside a bundle it would become an object of
 * all its functions, and no user's bundler could leave one out.
 */
function namespacesOf(entry) {
  const found = readFileSync(entry, 'utf8').matchAll(/^export \* as \w+ from '(\.\/.*)\.js';$/gm);
  return [...found].map(([, path]) => resolve(dirname(entry), `${path}.ts`));
}

function keepApart(entries, namespaces) {
  return {
    name: 'namespaces',
    setup({ onResolve }) {
      onResolve({ filter: /^\.\/.*\.js$/ }, ({ path, importer }) => {
        const target = resolve(dirname(importer), path.replace(/\.js$/, '.ts'));
        return entries.includes(importer) && namespaces.includes(target)
          ? { path, external: true }
          : undefined;
      });
    },
  };
}

/** Removes what an earlier build left, of which this one might not write every file again. */
function clear() {
  if (!bundleOnly) rmSync(output, { recursive: true, force: true });
  else if (existsSync(output)) {
    for (const name of readdirSync(output, { recursive: true })) {
      if (/\.js(\.map)?$/.test(name)) rmSync(join(output, name));
    }
  }
}

/** Writes a file below `dist`. */
function write(path, text) {
  mkdirSync(dirname(join(output, path)), { recursive: true });
  writeFileSync(join(output, path), text);
}

async function bundle(entries) {
  const options = {
    absWorkingDir: directory,
    outdir: output,
    bundle: true,
    format: 'esm',
    platform: manifest.main ? 'node' : 'neutral',
    target: 'es2022',
    packages: 'external',
    sourcemap: true,
    logLevel: 'silent',
  };
  const namespaces = entries.flatMap(namespacesOf);
  const inParts =
    !manifest.main && namespaces.length === 0 && (await bundleInParts(options, entries, source, write));
  const warnings =
    inParts ||
    (
      await build({
        ...options,
        entryPoints: [...entries, ...namespaces],
        plugins: [keepApart(entries, namespaces)],
        outbase: source,
        // Entry points of one package share their modules, and with them their state, through common chunks.
        splitting: true,
        chunkNames: 'chunks/[name]-[hash]',
      })
    ).warnings;
  // A warning is a module dropped because of `sideEffects`, or worse: no package is published with one.
  if (warnings.length > 0) {
    throw new Error((await formatMessages(warnings, { kind: 'warning' })).join('\n'));
  }
}

try {
  const entries = entryPoints();
  clear();
  await bundle(entries);
  if (!bundleOnly && !manifest.private) {
    // Loaded only here: TypeScript alone takes longer to load than a bundle takes to make.
    const { emitDeclarations } = await import('./declarations.mjs');
    emitDeclarations(directory, entries);
  }
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
