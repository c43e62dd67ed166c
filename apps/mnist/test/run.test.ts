import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpu } from '@neurite/backend-cpu';
import { defaultGenerator, StateDictError, tensor, use } from '@neurite/tensor';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Document } from '../src/checkpoint.js';
import { readCheckpoint, writeCheckpoint } from '../src/checkpoint-file.js';
import { loadDigits } from '../src/data.js';
import type { Digits } from '../src/digits.js';
import { captureRun, createRun, resumeRun, savedRun } from '../src/run.js';
import { settingsOf } from '../src/settings.js';
import { train } from '../src/train.js';

const LIMIT = 40;
const settings = settingsOf({ model: 'cnn', limit: LIMIT, batchSize: 16, epochs: 2, seed: 3 });
let digits: Digits;
let folder: string;
let path: string;

beforeAll(async () => {
  await use(cpu(), { log: false });
  digits = (await loadDigits(LIMIT, 1)).train;
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mnist-run-'));
  path = join(folder, 'run.ckpt');
});
afterEach(() => rm(folder, { recursive: true }));

type Parts = Record<string, Document>;

/** The state of a run after four steps, in the middle of the second epoch. */
async function captured(): Promise<Parts> {
  const run = createRun(settings, digits);
  const stop = new AbortController();
  await train(run, {
    signal: stop.signal,
    afterStep: () => {
      if (run.losses.length === 4) stop.abort();
    },
  });
  return captureRun(run) as Parts;
}

it('a run that was held in the middle of an epoch goes on with the same bits', async () => {
  const trainWithStops = async (...stops: number[]): Promise<Buffer> => {
    const run = createRun(settings, digits);
    for (const steps of stops) {
      const stop = new AbortController();
      const afterStep = () => {
        if (run.losses.length === steps) stop.abort();
      };
      await train(run, { signal: stop.signal, afterStep });
      expect(run.losses).toHaveLength(steps);
    }
    await writeCheckpoint(path, captureRun(run));
    return readFile(path);
  };
  expect((await trainWithStops(2, 4, 6)).equals(await trainWithStops(6))).toBe(true);
});

describe('a resumed run', () => {
  it('has everything that the saved one had', async () => {
    const document = await captured();
    await writeCheckpoint(path, document);
    const generator = defaultGenerator.state;
    const run = await resumeRun(savedRun(path, await readCheckpoint(path), { model: 'cnn' }), digits);
    expect(defaultGenerator.state).toEqual(generator);
    expect(run.losses).toHaveLength(4);
    expect(run.loader.stateDict()).toMatchObject({ epoch: 1, position: 1 });
    expect(run.scheduler.lastEpoch).toBe(4);
    const again = join(folder, 'again.ckpt');
    await writeCheckpoint(again, captureRun(run));
    expect((await readFile(again)).equals(await readFile(path))).toBe(true);
  });

  it.each<[string, (parts: Parts) => Parts, RegExp]>([
    [
      'of another program',
      () => ({ kind: 'something else' }),
      /expected a checkpoint of kind 'neurite mnist run 1', found "something else"$/,
    ],
    ['without a part', ({ optimizer: _, ...rest }) => rest, /the checkpoint has no optimizer$/],
    [
      'with senseless settings',
      (p) => ({ ...p, settings: { ...(p.settings as Parts), epochs: -1 } }),
      /the checkpoint's epochs is -1$/,
    ],
    [
      'with the weights of another model',
      (p) => ({ ...p, settings: { ...(p.settings as Parts), model: 'mlp' } }),
      /loadStateDict: the state does not fit Mlp:[\s\S]*missing keys: 'layers\.1\.weight'[\s\S]*unexpected keys: 'conv1\.weight'/,
    ],
    [
      'with a weight of another size',
      (p) => ({ ...p, model: { ...(p.model as Parts), 'fc.bias': tensor([1, 2]) } }),
      /size mismatch for 'fc\.bias': \[2\] in the state, \[10\] in the model$/,
    ],
    [
      'whose place does not agree',
      (p) => ({ ...p, loader: { ...(p.loader as Parts), position: 2 } }),
      /step 4 of 6 does not agree with epoch 1, batch 2 of 3$/,
    ],
    [
      'whose history is too short',
      (p) => ({ ...p, losses: tensor([1, 2]) }),
      /losses must be a tensor of one number for each of the 4 steps$/,
    ],
  ])('is not made of a checkpoint %s', async (_, change, message) => {
    await writeCheckpoint(path, change(await captured()));
    const generator = defaultGenerator.state;
    const error: unknown = await readCheckpoint(path)
      .then((document) => resumeRun(savedRun(path, document, {}), digits))
      .catch((reason) => reason);
    expect(error).toBeInstanceOf(StateDictError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message.startsWith(`${path}: `)).toBe(true);
    expect(defaultGenerator.state).toEqual(generator);
  });
});
