/** Programs that run in the app's process before the app: each ends it at a certain place, however fast the app or its test is. */

const DIE = `process.kill(process.pid, 'SIGKILL'); await new Promise(() => {});`;

/** Runs `body` over the functions of node:fs/promises; the app gets what it puts in their places. */
const overFiles = (body: string): string => `
  import files from 'node:fs/promises';
  import { syncBuiltinESMExports } from 'node:module';
  const { open, rename } = files;
  let written = 0;
  ${body}
  syncBuiltinESMExports();`;

const COUNTING = 'files.rename = async (from, to) => { await rename(from, to); written++; };';

/** SIGKILL, by where the app is: each time it has put one checkpoint in place. */
export const KILLED = {
  'when a checkpoint is in place': overFiles(
    `files.rename = async (from, to) => { await rename(from, to); ${DIE} };`,
  ),
  'in the middle of writing the next one': overFiles(`
    ${COUNTING}
    files.open = async (...args) => {
      const file = await open(...args);
      if (written === 1 && args[1] === 'w') {
        file.writeFile = async (bytes) => { await file.write(bytes.subarray(0, bytes.length >> 1)); ${DIE} };
      }
      return file;
    };`),
  'before the next one has its name': overFiles(`
    files.rename = async (from, to) => {
      if (written++ === 1) { ${DIE} }
      await rename(from, to);
    };`),
};

/** Ctrl-C as soon as the app says something that contains `text`. */
export const interruptedAt = (text: string): string => `
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = (chunk, ...rest) => {
    if (String(chunk).includes(${JSON.stringify(text)})) {
      process.stdout.write = write;
      process.kill(process.pid, 'SIGINT');
    }
    return write(chunk, ...rest);
  };`;
