import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@neurite/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCheckpoint } from '../src/checkpoint-file.js';
import { type App, bundleApp, type Finished } from './app.js';
import { interruptedAt, KILLED } from './ends.js';

let app: App;
let folder: string;

beforeAll(async () => {
  app = await bundleApp();
  folder = await mkdtemp(join(tmpdir(), 'mnist-resume-'));
});
afterAll(async () => {
  await app?.remove();
  if (folder) await rm(folder, { recursive: true });
});

const QUICK_TEST = ['--test-limit', '500'];

const lastLine = ({ stdout }: Finished): string => stdout.trimEnd().split('\n').at(-1) as string;

async function stepOf(path: string): Promise<number> {
  return ((await readCheckpoint(path)) as { step: number }).step;
}

// Epochs of 8 steps, the last of each smaller; both networks have dropout.
const RUNS = {
  mlp: ['--model', 'mlp', '--limit', '250', '--batch-size', '32', '--epochs', '12', '--seed', '5'],
  cnn: ['--model', 'cnn', '--limit', '125', '--batch-size', '16', '--epochs', '6', '--seed', '5'],
};
const STEPS = { mlp: 96, cnn: 48 };

describe.each(['mlp', 'cnn'] as const)('a run of the %s', (model) => {
  const settings = RUNS[model];
  let whole: string;
  let result: Finished;

  beforeAll(async () => {
    whole = join(folder, `${model}-whole.ckpt`);
    result = await app.run([...settings, ...QUICK_TEST, '--save', whole, '--save-every', '5']);
  });

  it('ends with a table, a picture, a checkpoint and the accuracy', async () => {
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain('digit  precision  recall  count');
    expect(lastLine(result)).toMatch(/^test accuracy 0\.\d{4}$/);
    expect(await stepOf(whole)).toBe(STEPS[model]);
    expect(await readFile(join(folder, `${model}-whole-loss.svg`), 'utf8')).toContain(lastLine(result));
  });

  it('that was killed several times and resumed ends with the same bits', async () => {
    const path = join(folder, `${model}-killed.ckpt`);
    const steps: number[] = [];
    for (const program of Object.values(KILLED)) {
      const begins = steps.length === 0 ? [...settings, '--save', path] : ['--resume', path];
      const { signal } = await app.run([...begins, '--save-every', '1'], { before: program });
      expect(signal).toBe('SIGKILL');
      steps.push(await stepOf(path));
    }
    expect(steps).toEqual([1, 2, 3]);
    const resumed = await app.run(['--resume', path, ...QUICK_TEST]);
    expect(resumed).toMatchObject({ code: 0, stderr: '' });
    expect(lastLine(resumed)).toBe(lastLine(result));
    expect((await readFile(path)).equals(await readFile(whole))).toBe(true);
  });

  it('that Ctrl-C ended saves, says how to go on, and does so with the same bits', async () => {
    const path = join(folder, `${model}-interrupted.ckpt`);
    const interrupted = await app.run([...settings, '--save', path], { before: interruptedAt('epoch 1/') });
    expect(interrupted).toMatchObject({ code: 130, signal: null, stderr: '' });
    expect(lastLine(interrupted)).toBe(`go on with: npm run demo -- --resume ${path}`);
    expect(await stepOf(path)).toBeLessThan(STEPS[model]);
    const resumed = await app.run(['--resume', path, ...QUICK_TEST]);
    expect(lastLine(resumed)).toBe(lastLine(result));
    expect((await readFile(path)).equals(await readFile(whole))).toBe(true);
  });
});

describe('the checkpoint', () => {
  it('differs with the seed', async () => {
    const other = join(folder, 'other-seed.ckpt');
    const settings = RUNS.mlp.map((arg) => (arg === '5' ? '6' : arg));
    await app.run([...settings, ...QUICK_TEST, '--save', other]);
    const weights = async (path: string): Promise<number[]> => {
      const { model } = (await readCheckpoint(path)) as { model: Record<string, Tensor> };
      return Array.from(await model['layers.1.weight'].data());
    };
    expect(await weights(other)).not.toEqual(await weights(join(folder, 'mlp-whole.ckpt')));
  });

  it('leaves no temporary file behind', async () => {
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('of another model, another run or another program is refused in one line', async () => {
    const path = join(folder, 'mlp-whole.ckpt');
    const before = await readFile(path);
    const refused = async (args: string[], message: string): Promise<void> => {
      const { code, stdout, stderr } = await app.run(args);
      expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: `mnist: ${message}\n` });
    };
    await refused(
      ['--resume', path, '--model', 'cnn'],
      `${path}: the checkpoint is of a run with model mlp, asked for is model cnn`,
    );
    await refused(
      ['--resume', path, '--seed', '6'],
      `${path}: the checkpoint is of a run with seed 5, asked for is seed 6`,
    );
    expect((await readFile(path)).equals(before)).toBe(true);
  });

  it('cannot be a folder, which is said before training', async () => {
    const { code, stderr } = await app.run(['--save', folder]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `mnist: ${folder}: cannot be written: it is a folder\n`,
    });
  });
});

describe('the program', () => {
  it('writes nothing but the picture, below runs, when it is not told where to save', async () => {
    const { code } = await app.run(['--model', 'mlp', '--limit', '64', '--epochs', '1', ...QUICK_TEST], {
      cwd: folder,
    });
    expect(code).toBe(0);
    expect(await readdir(join(folder, 'runs'))).toEqual(['mnist-mlp-loss.svg']);
  });

  it('explains itself', async () => {
    const { code, stdout, stderr } = await app.run(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: npm run demo -- \[options\]/);
  });

  it('answers bad arguments with one line and the usage', async () => {
    const { code, stdout, stderr } = await app.run(['--epochs', 'ten']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^mnist: --epochs is 'ten', expected an integer from 1 to 10000\n\nUsage: /);
  });
});
