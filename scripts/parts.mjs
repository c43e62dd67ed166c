/**
 * Bundles a package that loads parts of itself later. All that its main entry point reaches at once is one module, `chunks/core.js`;
 * late parts and further entry points are modules beside it and import from there what they share with it, under names that are no
 * part of the package's interface. Left alone, esbuild makes a chunk of every combination of entry points that share something: more
 * files to load, and names of exports and imports that weigh more than some parts.
 */
import { dirname, join, relative, resolve } from 'node:path';
import { build } from 'esbuild';

const RELATIVE = /^\.\.?\//;
const statically = ({ kind, external }) => kind === 'import-statement' && !external;
const sourceOf = (path, importer) => resolve(dirname(importer), path.replace(/\.js$/, '.ts'));

/** What the entry points reach (`inputs`, by absolute path), the main one's exports, and what is imported dynamically. */
async function analyse(options, entries) {
  const { metafile } = await build({
    ...options,
    entryPoints: entries,
    splitting: true,
    write: false,
    metafile: true,
  });
  const absolute = (path) => join(options.absWorkingDir, path);
  const inputs = new Map(
    Object.entries(metafile.inputs).map(([path, { imports }]) => [
      absolute(path),
      imports.filter(({ external }) => !external).map((found) => ({ ...found, path: absolute(found.path) })),
    ]),
  );
  const main = Object.values(metafile.outputs).find(
    ({ entryPoint }) => entryPoint && absolute(entryPoint) === entries[0],
  );
  const late = [...inputs.values()].flat().filter(({ kind }) => kind === 'dynamic-import');
  return { inputs, names: main.exports, late: [...new Set(late.map(({ path }) => path))] };
}

function closure(inputs, entry) {
  const found = new Set([entry]);
  for (const path of found) for (const next of inputs.get(path).filter(statically)) found.add(next.path);
  return found;
}

/** Names that modules export, by path. */
async function exportsOf(options, paths) {
  const { metafile } = await build({
    ...options,
    packages: undefined,
    entryPoints: paths,
    bundle: false,
    write: false,
    metafile: true,
  });
  const outputs = Object.values(metafile.outputs).filter(({ entryPoint }) => entryPoint);
  return new Map(outputs.map((output) => [join(options.absWorkingDir, output.entryPoint), output.exports]));
}

/**
 * Whether the package has late parts; else nothing is done. `entries` are absolute paths, the main one first; `options` are those of
 * every build, `write(path, text)` writes a file below the output folder.
 */
export async function bundleInParts(options, entries, source, write) {
  const { inputs, names, late } = await analyse(options, entries);
  if (late.length === 0) return false;
  const [main, ...others] = entries;
  const core = closure(inputs, main);
  const parts = [...new Set([...late, ...others])];
  const doubled = parts.find((path) => core.has(path));
  if (doubled) throw new Error(`${doubled} is imported both at once and later`);

  const shared = new Set();
  for (const [path, imports] of inputs)
    if (!core.has(path))
      for (const next of imports.filter(statically)) if (core.has(next.path)) shared.add(next.path);
  const exported = await exportsOf(options, [...shared]);
  const slug = (path) => relative(source, path).replace(/\.ts$/, '').replace(/\W/g, '_');
  const renamed = (path) => exported.get(path).map((name) => [name, `${slug(path)}$${name}`]);

  const beside = {
    name: 'beside',
    setup({ onResolve }) {
      onResolve({ filter: RELATIVE }, ({ path, importer, kind }) =>
        kind === 'dynamic-import'
          ? { path: `./${slug(sourceOf(path, importer))}.js`, external: true }
          : undefined,
      );
    },
  };
  const fromCore = {
    name: 'from core',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: RELATIVE }, ({ path, importer, kind, namespace }) => {
        if (namespace === 'core') return { path, external: true, sideEffects: false };
        const target = sourceOf(path, importer);
        return kind === 'import-statement' && core.has(target)
          ? { path: target, namespace: 'core', sideEffects: false }
          : undefined;
      });
      onLoad({ filter: /./, namespace: 'core' }, ({ path }) => ({
        contents: `export { ${renamed(path)
          .map(([name, alias]) => `${alias} as ${name}`)
          .join(', ')} } from './core.js';`,
      }));
    },
  };
  const outdir = join(options.outdir, 'chunks');
  const reexports = [...shared].map((path) => {
    const list = renamed(path).map(([name, alias]) => `${name} as ${alias}`);
    return `export { ${list.join(', ')} } from './${relative(source, path)}';`;
  });
  const contents = [`export { ${names.join(', ')} } from './${relative(source, main)}';`, ...reexports].join(
    '\n',
  );
  const results = [
    await build({
      ...options,
      outdir: undefined,
      outfile: join(outdir, 'core.js'),
      stdin: { contents, resolveDir: source, sourcefile: 'core.ts', loader: 'ts' },
      plugins: [beside],
    }),
    await build({
      ...options,
      outdir,
      entryPoints: Object.fromEntries(parts.map((path) => [slug(path), path])),
      splitting: true,
      chunkNames: '[name]-[hash]',
      plugins: [fromCore],
    }),
  ];
  const outputOf = (path) => `${relative(source, path).replace(/\.ts$/, '')}.js`;
  const chunk = (path, name) => `./${relative(dirname(outputOf(path)), `chunks/${name}.js`)}`;
  const list = names.filter((name) => name !== 'default').join(', ');
  write(outputOf(main), `export { ${list} } from '${chunk(main, 'core')}';\n`);
  for (const path of others) write(outputOf(path), `export * from '${chunk(path, slug(path))}';\n`);
  return results.flatMap(({ warnings }) => warnings);
}
