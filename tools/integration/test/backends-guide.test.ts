/** The guide for authors of backends: its code is what `own-backend.ts` and its tests are, its listings are what is made. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { explain, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { expect, it } from 'vitest';
import { mine } from './own-backend.js';

const docs = new URL('../../../docs/', import.meta.url);
const textOf = (url: URL): string => readFileSync(fileURLToPath(url), 'utf8');
const guide = textOf(new URL('backends.md', docs));
const file = textOf(new URL('own-backend.ts', import.meta.url));
const tests = textOf(new URL('own-backend.test.ts', import.meta.url));

const blocksIn = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map((match) => match[1]);
const withoutIndentation = (code: string): string => code.replace(/^ +/gm, '');

/** The first column of a table, by the name of its head. */
function namesIn(head: string): string[] {
  const rows = guide.split(`| ${head} |`)[1].split('\n\n')[0];
  return [...rows.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1]);
}

it('builds up the whole backend, in at most 150 lines', () => {
  const steps = guide.split('## A small backend')[1].split('### 7.')[0];
  expect(blocksIn(steps, 'ts').join('\n')).toBe(file);
  expect(file.trimEnd().split('\n').length).toBeLessThanOrEqual(150);
});

it('shows how it is used as it is tested', () => {
  const uses = blocksIn(guide, 'ts').filter((block) => !file.includes(block));
  expect(uses.length).toBeGreaterThan(4);
  for (const block of uses) expect(withoutIndentation(tests)).toContain(withoutIndentation(block));
});

it('shows kernels and code as they are', async () => {
  await use(mine(), { log: false });
  const x = tensor(new Float32Array(8), { shape: [2, 4] });
  const weight = tensor(new Float32Array(12), { shape: [4, 3] });
  const softmax = (await explain(x.softmax(1))).kernels;
  const product = (
    await explain(
      x
        .matmul(weight)
        .add(tensor([1, 2, 3]))
        .relu(),
    )
  ).kernels;
  expect([...softmax, ...product].map((kernel) => `${kernel.loops}\n`)).toEqual(blocksIn(guide, 'text'));
  expect([`${counted(softmax[0].source)}\n`]).toEqual(blocksIn(guide, 'js'));
});

/** Ids of expressions differ from run to run: numbers by first occurrence. */
function counted(source: string): string {
  const names = new Map<string, string>();
  const counts: Record<string, number> = { v: 0, e: 0 };
  return source.replace(/\b([ve])\d+\b/g, (id, kind: string) => {
    if (!names.has(id)) names.set(id, `${kind}${counts[kind]++}`);
    return names.get(id)!;
  });
}

it('names the functions and capabilities that there are', async () => {
  const { name: _, capabilities, ...functions } = (await reference().start()).backend;
  expect(new Set(namesIn('function'))).toEqual(new Set([...Object.keys(functions), 'specialize', 'measure']));
  expect(new Set(namesIn('field'))).toEqual(new Set([...Object.keys(capabilities), 'namedOps']));
});

it('links to files and headings that are there', () => {
  const links = [...guide.matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1]);
  expect(links.length).toBeGreaterThan(8);
  const isThere = (link: string): boolean => {
    const [path, heading] = link.split('#');
    const url = new URL(path || 'backends.md', docs);
    if (!existsSync(url) || heading === undefined) return existsSync(url);
    const slugs = [...textOf(url).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      title
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    return slugs.includes(heading);
  };
  expect(links.filter((link) => !isThere(link))).toEqual([]);
});
