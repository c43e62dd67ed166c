import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';

/**
 * Writes declarations of the package's own files from `src` into `dist`. Dependencies are read from their sources, so
 * that a package builds in a checkout where nothing else has been built; type errors are the business of
 * `npm run typecheck`.
 */
export function emitDeclarations(directory, entries) {
  const source = join(directory, 'src');
  const output = join(directory, 'dist');
  const config = ts.getParsedCommandLineOfConfigFile(
    join(directory, 'tsconfig.json'),
    { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: source, outDir: output },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => fail([diagnostic]) },
  );
  const program = ts.createProgram(entries, config.options);
  for (const file of program.getSourceFiles()) {
    const path = resolve(file.fileName);
    if (!path.startsWith(source + sep) || file.isDeclarationFile) continue;
    const diagnostics = [
      ...program.getSyntacticDiagnostics(file),
      ...program.getDeclarationDiagnostics(file),
    ];
    if (diagnostics.length > 0) fail(diagnostics);
    const target = join(output, relative(source, path).replace(/\.ts$/, '.d.ts'));
    mkdirSync(dirname(target), { recursive: true });
    program.emit(file, (_, text) => writeFileSync(target, text), undefined, true);
  }
}

function fail(diagnostics) {
  throw new Error(
    ts.formatDiagnostics(diagnostics, {
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: () => ts.sys.getCurrentDirectory(),
      getNewLine: () => '\n',
    }),
  );
}
