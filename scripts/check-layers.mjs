/**
 * Fails on an import that the architecture forbids: up a layer, into another package's files, of something the
 * package does not declare, or in a circle. See "Layers" in CONTRIBUTING.md.
 */
import { existsSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findCycles } from './cycles.mjs';
import { importsOf, sourceFiles } from './imports.mjs';
import { readJson, root, workspacePackages } from './workspace.mjs';

/** Which packages of this workspace each published package may import. A program may import any. */
const allowed = {
  '@neurite/tensor': [],
  '@neurite/autograd': ['@neurite/tensor'],
  '@neurite/backend-cpu': ['@neurite/tensor'],
  '@neurite/backend-webgpu': ['@neurite/tensor'],
  '@neurite/nn': ['@neurite/tensor'],
  '@neurite/optim': ['@neurite/tensor'],
  '@neurite/data': ['@neurite/tensor'],
};

/** @returns {string[]} one line per violation in the workspace at `base`, naming file, line and what is wrong */
export function checkLayers(base = root) {
  const packages = new Map(workspacePackages(base).map((entry) => [entry.name, entry]));
  const rootManifest = readJson(join(base, 'package.json'));
  const context = { base, packages, rootManifest };
  return [...packages.values()].flatMap((entry) => [
    ...checkManifest(entry),
    ...['src', 'test', 'bench'].flatMap((folder) => checkFolder(entry, folder, context)),
  ]);
}

function checkManifest({ name, folder, manifest }) {
  if (!folder.startsWith('packages/')) return [];
  const where = `${folder}/package.json`;
  if (!allowed[name]) return [`${where}: ${name} has no row in the layer table of scripts/check-layers.mjs`];
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  const wrong = declared
    .filter((dependency) => dependency.startsWith('@neurite/') && !allowed[name].includes(dependency))
    .map((dependency) => `${where}: ${name} may not depend on ${dependency}`);
  // Two copies of tensor would be two graphs that cannot mix; a peer dependency is what prevents it.
  if (manifest.dependencies?.['@neurite/tensor']) {
    wrong.push(`${where}: @neurite/tensor must be a peer dependency, so that a program has one copy of it`);
  }
  return wrong;
}

function checkFolder(entry, folder, context) {
  const directory = join(entry.directory, folder);
  if (!existsSync(directory)) return [];
  const violations = [];
  const edges = new Map();
  for (const path of sourceFiles(directory)) {
    edges.set(path, []);
    for (const found of importsOf(path)) {
      const problem = found.specifier.startsWith('.')
        ? checkRelative(entry, path, found, edges)
        : checkBare(entry, folder, found, context);
      const shown = relative(context.base, path).split(sep).join('/');
      if (problem) violations.push(`${shown}:${found.line}: '${found.specifier}' ${problem}`);
    }
  }
  for (const cycle of findCycles(edges)) {
    const shown = cycle.map((path) => relative(directory, path).split(sep).join('/'));
    violations.push(`${entry.folder}/${folder}: import cycle ${[...shown, shown[0]].join(' -> ')}`);
  }
  return violations;
}

function checkRelative(entry, path, { specifier, typeOnly }, edges) {
  const target = resolve(dirname(path), specifier);
  if (!target.startsWith(entry.directory + sep)) {
    return `reaches outside ${entry.name}: import the other package by its public name`;
  }
  const file = [target.replace(/\.js$/, '.ts'), target.replace(/\.js$/, '.tsx'), target].find(existsSync);
  if (!file) return 'is no file of this package';
  if (!typeOnly) edges.get(path).push(file);
  return undefined;
}

function checkBare(entry, folder, { specifier }, { packages, rootManifest }) {
  if (specifier.startsWith('node:')) return undefined;
  const name = packageName(specifier);
  if (builtinModules.includes(name)) return `is built into Node: write 'node:${specifier}'`;
  if (name === entry.name) {
    return folder === 'src'
      ? 'is the package itself: import its files by relative paths'
      : exportProblem(entry, specifier);
  }
  const { manifest } = entry;
  const published = folder === 'src' && !manifest.private;
  // What the published code imports must be there for whoever installs it; a program or test also has what it
  // was developed with, and a test the tools of the workspace.
  const declared = {
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
    ...manifest.peerDependencies,
    ...(published ? undefined : manifest.devDependencies),
    ...(folder === 'src' ? undefined : rootManifest.devDependencies),
  };
  const layer =
    folder === 'src' && entry.folder.startsWith('packages/') ? (allowed[entry.name] ?? []) : undefined;
  if (packages.has(name) && layer && !layer.includes(name)) {
    return `points up a layer: ${entry.name} may import ${layer.join(', ') || 'no other package'}`;
  }
  if (!declared[name]) return `is not declared in ${entry.folder}/package.json`;
  return packages.has(name) ? exportProblem(packages.get(name), specifier) : undefined;
}

function packageName(specifier) {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function exportProblem({ name, manifest }, specifier) {
  const entryPoint = `.${specifier.slice(name.length)}`;
  return manifest.exports?.[entryPoint]
    ? undefined
    : `is no entry point of ${name}: see "exports" in its package.json`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const violations = checkLayers();
  for (const line of violations) console.error(line);
  console.log(violations.length === 0 ? 'layers: clean' : `layers: ${violations.length} violations`);
  process.exit(violations.length === 0 ? 0 : 1);
}
