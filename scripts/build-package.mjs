/**
 * Builds the package in the working directory into `dist`: one ES module per entry point and, for a published package,
 * its declarations. Entry points are the `neurite-source` paths of the package's `exports`, and `src/main.ts` of a
 * program (a package with `main`).
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { build, formatMessages } from 'esbuild';
import ts from 'typescript';
import { readJson } from './workspace.mjs';

const directory = process.cwd();
const manifest = readJson(join(directory, 'package.json'));
const source = join(directory, 'src');
const output = join(directory, 'dist');

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

async function bundle(entries) {
  const result = await build({
    absWorkingDir: directory,
    entryPoints: entries,
    outdir: output,
    outbase: source,
    bundle: true,
    // Entry points of one package share their modules, and with them their state, through common chunks.
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    platform: manifest.main ? 'node' : 'neutral',
    target: 'es2022',
    packages: 'external',
    sourcemap: true,
    logLevel: 'silent',
  });
  // A warning is a module dropped because of `sideEffects`, or worse: no package is published with one.
  if (result.warnings.length > 0) {
    throw new Error((await formatMessages(result.warnings, { kind: 'warning' })).join('\n'));
  }
}

/**
 * Declarations for this package's own files. Dependencies are read from their sources, so that a package builds in a
 * checkout where nothing else has been built; type errors are the business of `npm run typecheck`.
 */
function declarations(entries) {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(directory, 'tsconfig.json'),
    { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: source, outDir: output },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail },
  );
  const program = ts.createProgram(entries, config.options);
  for (const file of program.getSourceFiles()) {
    const path = resolve(file.fileName);
    if (!path.startsWith(source + sep) || file.isDeclarationFile) continue;
    const diagnostics = [
      ...program.getSyntacticDiagnostics(file),
      ...program.getDeclarationDiagnostics(file),
    ];
    if (diagnostics.length > 0) fail(...diagnostics);
    const target = join(output, relative(source, path).replace(/\.ts$/, '.d.ts'));
    mkdirSync(dirname(target), { recursive: true });
    program.emit(file, (_, text) => writeFileSync(target, text), undefined, true);
  }
}

function fail(...diagnostics) {
  throw new Error(
    ts.formatDiagnostics(diagnostics, {
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: () => directory,
      getNewLine: () => '\n',
    }),
  );
}

try {
  const entries = entryPoints();
  rmSync(output, { recursive: true, force: true });
  await bundle(entries);
  if (!manifest.private) declarations(entries);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
