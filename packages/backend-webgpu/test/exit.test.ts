/** A process that is done ends, though nobody destroyed its device. */
import { spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { startGpu } from './start.js';

/** Where the package `webgpu` is found from. */
const folder = fileURLToPath(new URL('../node_modules/.exit-test/', import.meta.url));
const source = fileURLToPath(new URL('../src/index.ts', import.meta.url));

const PROGRAMS = {
  'values were read': `
    const x = tensor([1, 2, 3]);
    for (let i = 0; i < 20; i++) await x.mul(i).sum().item();`,
  'values were computed and not read': `
    await realize(tensor([1, 2, 3]).mul(2));`,
  'a read that nobody waits for': `
    void tensor([1, 2, 3]).mul(2).data();`,
  'a loop that never reads': `
    for (let i = 0; i < 40; i++) await realize(tensor([i]).mul(2));`,
};

/** Runs a program in a process of its own, on this process's adapter. */
async function run(body: string): Promise<{ code: number | null; output: string }> {
  const outfile = `${folder}program.mjs`;
  await build({
    stdin: {
      contents: `
        import { realize, tensor, use } from '@neurite/tensor';
        import { webgpu } from ${JSON.stringify(source)};
        await use(webgpu(), { log: false });
        ${body}
        console.log('done');`,
      resolveDir: dirname(source),
    },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['neurite-source'],
  });
  const driver = process.env.VK_ICD_FILENAMES;
  const libraries = [driver && dirname(driver), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':');
  const child = spawn(process.execPath, [outfile], {
    env: { ...process.env, LD_LIBRARY_PATH: libraries, NODE_OPTIONS: '' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}

test.each(Object.entries(PROGRAMS))('%s', async (_, body) => {
  // Finds an adapter, and tells the environment where its driver is.
  (await startGpu()).destroy();
  await mkdir(folder, { recursive: true });
  try {
    expect(await run(body)).toEqual({ code: 0, output: 'done\n' });
  } finally {
    await rm(folder, { recursive: true });
  }
});
