/** The page on profiling: its example runs, and prints a table of the kernels that the page shows. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as autograd from '@neurite/autograd';
import * as cpu from '@neurite/backend-cpu';
import * as nn from '@neurite/nn';
import * as optim from '@neurite/optim';
import * as neurite from '@neurite/tensor';
import { transform } from 'esbuild';
import { expect, it } from 'vitest';

const page = readFileSync(fileURLToPath(new URL('../../../docs/profiling.md', import.meta.url)), 'utf8');
const blocksIn = (language: string): string[] =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map((match) => match[1]);

/** What does not depend on the machine: names, sizes, calls, operations and bytes of each row. */
function counted(table: string): string[] {
  const [, ...lines] = table.trimEnd().split('\n');
  const rows = lines.slice(1, lines.lastIndexOf(lines[0]));
  const time = String.raw`[~<]? ?[\d.]+ (?:ns|µs|ms|s)`;
  const form = new RegExp(`^(.+?) +${time} +${time} +[\\d.]+ % +(.+?) {2,}(.+?) {2,}.+$`);
  return rows.map((row) => {
    const found = form.exec(row);
    if (!found) throw new Error(`not a row: ${row}`);
    return found
      .slice(1)
      .map((cell) => cell.replace(/ +/g, ' '))
      .join(' | ');
  });
}

it('shows what its example prints', async () => {
  const modules: Record<string, object> = {
    '@neurite/autograd': autograd,
    '@neurite/backend-cpu': cpu,
    '@neurite/nn': nn,
    '@neurite/optim': optim,
    '@neurite/tensor': neurite,
  };
  const { code } = await transform(blocksIn('ts').join('\n'), { loader: 'ts', target: 'es2022' });
  const body = code
    .replace(/^import "(.+)";$/gm, 'modules["$1"];')
    .replace(/^import \* as (\w+) from "(.+)";$/gm, 'const $1 = modules["$2"];')
    .replace(/^import (\{.+\}) from "(.+)";$/gm, 'const $1 = modules["$2"];');
  const AsyncFunction = (async () => {}).constructor as new (
    ...source: string[]
  ) => (m: typeof modules, c: Pick<Console, 'log'>) => Promise<void>;
  const printed: string[] = [];
  await new AsyncFunction('modules', 'console', body)(modules, { log: (line) => printed.push(line) });
  const [table, line] = printed;
  console.info(table);
  const [shown] = blocksIn('text');
  expect(counted(table).sort()).toEqual(counted(shown).sort());
  expect(shown.split('\n')[0]).toMatch(
    /^kernel +loops +calls +time +per call +share +flop +bytes +GFLOP\/s +GB\/s$/,
  );
  const [built] = [/plans: .*/.exec(table), /plans: .*/.exec(shown)].map((found) => found![0]);
  expect(shown).toContain(built);
  expect(line).toMatch(/^\w+: [\d.]+ GFLOP\/s, \d+ events$/);
});
