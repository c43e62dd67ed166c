/** The README: its code runs, the article's part of it is what `article.test.ts` tests, and its links lead somewhere. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as autograd from '@neurite/autograd';
import * as cpu from '@neurite/backend-cpu';
import * as nn from '@neurite/nn';
import * as optim from '@neurite/optim';
import * as neurite from '@neurite/tensor';
import * as reference from '@neurite/tensor/reference';
import { transform } from 'esbuild';
import { expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url);
const textOf = (path: string): string => readFileSync(fileURLToPath(new URL(path, root)), 'utf8');

const readme = textOf('README.md');
const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1]);
const withoutIndentation = (code: string): string => code.replace(/^ +/gm, '');

it('shows the code of the article as it is tested', () => {
  const tested = withoutIndentation(textOf('tools/integration/test/article.test.ts'));
  const [network, layer] = blocks.map(withoutIndentation);
  const classes = /^class .*?^\}\n^\}\n/gms;
  expect(network.match(classes)).toHaveLength(1);
  expect(layer.match(classes)).toHaveLength(1);
  const loop = network.slice(network.indexOf('const x ='));
  for (const part of [...network.match(classes)!, layer, loop]) expect(tested).toContain(part);
});

it('shows code that runs', async () => {
  const modules: Record<string, object> = {
    '@neurite/autograd': autograd,
    '@neurite/backend-cpu': cpu,
    '@neurite/nn': nn,
    '@neurite/optim': optim,
    '@neurite/tensor': neurite,
    '@neurite/tensor/reference': reference,
  };
  const { code } = await transform(blocks.join('\n'), { loader: 'ts', target: 'es2022' });
  const body = code
    .replace(/^import "(.+)";$/gm, 'modules["$1"];')
    .replace(/^import \* as (\w+) from "(.+)";$/gm, 'const $1 = modules["$2"];')
    .replace(/^import (\{.+\}) from "(.+)";$/gm, 'const $1 = modules["$2"];');
  const AsyncFunction = (async () => {}).constructor as new (
    ...source: string[]
  ) => (m: typeof modules, c: Pick<Console, 'log'>) => Promise<{ losses: number[] }>;
  const shown: unknown[] = [];
  const run = new AsyncFunction('modules', 'console', `${body}\nreturn { losses };`);
  const { losses } = await run(modules, { log: (value) => shown.push(value) });
  expect(losses[199]).toBeLessThan(0.3);
  expect(shown[0]).toMatch(/^\d+ kernels?, .*flops/);
  expect(shown[1]).toMatch(/\S/);
  expect(shown[2]).toMatchObject({ device: expect.stringMatching(/cpu.*reference/) });
  expect(shown[3]).toMatchObject({ plansBuilt: expect.any(Number) });
});

it('links to files that are there', () => {
  const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1]);
  expect(links.length).toBeGreaterThan(8);
  expect(links.filter((link) => !existsSync(new URL(link, root)))).toEqual([]);
});

it('names commands that there are', () => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
  const named = [...readme.matchAll(/npm run ([\w-]+)/g)].map((match) => match[1]);
  expect(new Set(named)).toEqual(new Set(['demo', 'conformance', 'bench']));
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});
