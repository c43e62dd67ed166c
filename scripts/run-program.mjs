/**
 * `node scripts/run-program.mjs @neurite/mnist --epochs 1`: sets up what the program needs, then runs it in this very
 * process, so that Ctrl-C, the terminal and the exit code are the program's own. All further arguments are its own too.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setup } from './setup.mjs';
import { workspacePackages } from './workspace.mjs';

const [name, ...programArguments] = process.argv.slice(2);
const program = workspacePackages().find((candidate) => candidate.name === name);
if (!program) {
  console.error(`run-program: no workspace package is named ${name}`);
  process.exit(2);
}
try {
  setup({ program: name });
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
// npm changes to the root; a path that the user typed is meant from where they stand.
if (process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
const main = join(program.directory, program.manifest.main);
process.argv = [process.argv[0], main, ...programArguments];
await import(pathToFileURL(main).href);
