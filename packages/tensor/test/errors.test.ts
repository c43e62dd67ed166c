/** Wrong use of every family of ops: a subclass of NeuriteError at the call, one line, with both shapes or dtypes. */
import { describe, expect, test } from 'vitest';
import { NeuriteError, tensor } from '../src/index.js';
import { x } from './error-cases/case.js';
import { contractions } from './error-cases/contractions.js';
import { creation } from './error-cases/creation.js';
import { elementwise } from './error-cases/elementwise.js';
import { gradients } from './error-cases/gradients.js';
import { indexing } from './error-cases/indexing.js';
import { movement } from './error-cases/movement.js';
import { reductions } from './error-cases/reductions.js';

const families = { elementwise, movement, reductions, contractions, indexing, creation, gradients };

describe.each(Object.entries(families))('%s', (_family, cases) => {
  test.each(cases)('%s', (_name, call, error, message) => {
    let thrown: unknown;
    try {
      call();
    } catch (e) {
      thrown = e;
    }
    expect(thrown).toBeInstanceOf(error);
    expect(thrown).toBeInstanceOf(NeuriteError);
    expect((thrown as Error).message).toBe(message);
    expect((thrown as Error).name).toBe(error.name);
    expect(message).not.toContain('\n');
  });
});

describe('values', () => {
  test('item wants one element', async () => {
    await expect(x.item()).rejects.toThrow('item: needs a tensor of one element, got shape [2, 3]');
  });

  test('without a device there is a hint', async () => {
    await expect(x.data()).rejects.toThrow(
      "no device: choose one first, for example `await use(cpu())` with cpu from '@neurite/backend-cpu'",
    );
  });

  test('host data need no device', async () => {
    expect(await tensor([1, 2]).array()).toEqual([1, 2]);
  });
});
