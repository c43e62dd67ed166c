import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpu } from '@neurite/backend-cpu';
import { FormatError, randn, Tensor, tensor, use, ValueError, zeros } from '@neurite/tensor';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Document } from '../src/checkpoint.js';
import { readCheckpoint, writeCheckpoint } from '../src/checkpoint-file.js';

let folder: string;
let path: string;

beforeAll(async () => {
  await use(cpu(), { log: false });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mnist-checkpoint-'));
  path = join(folder, 'run.ckpt');
});
afterEach(() => rm(folder, { recursive: true }));

/** A document with each tensor as [dtype, shape, values]. */
async function plain(value: Document): Promise<unknown> {
  if (value instanceof Tensor) return [value.dtype, value.shape, Array.from(await value.data())];
  if (Array.isArray(value)) return Promise.all(value.map(plain));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(async ([key, entry]) => [key, await plain(entry)]);
  return Object.fromEntries(await Promise.all(entries));
}

const sample = (): Document => ({
  name: 'größe ∞',
  step: 12,
  rate: 0.1 + 0.2,
  flags: [true, null, { deep: tensor([1.5, -0, 3e-39]) }],
  scalar: tensor(7, { dtype: 'float64' }),
  index: tensor(Int32Array.of(-5, 2 ** 31 - 1)),
  pixels: tensor(Uint8Array.of(0, 255, 7), { shape: [1, 3] }),
  mask: tensor([true, false, true]),
  empty: zeros([0, 4]),
});

describe('a checkpoint', () => {
  it('gives back every value, dtype, shape and bit', async () => {
    const computed = randn([5, 3]).mul(2);
    const document = { ...(sample() as Record<string, Document>), computed };
    await writeCheckpoint(path, document);
    expect(await plain(await readCheckpoint(path))).toEqual(await plain(document));
  });

  it('keeps NaN and infinities in tensors, and refuses them as plain numbers', async () => {
    await writeCheckpoint(path, { losses: tensor([Number.NaN, Number.NEGATIVE_INFINITY]) });
    expect(await plain(await readCheckpoint(path))).toEqual({
      losses: ['float32', [2], [Number.NaN, -Infinity]],
    });
    await expect(writeCheckpoint(path, { loss: Number.NaN })).rejects.toThrow(
      new ValueError("checkpoint: 'loss' is NaN, which JSON cannot hold"),
    );
  });

  it('is the same bytes for the same contents', async () => {
    await writeCheckpoint(path, sample());
    const first = await readFile(path);
    await writeCheckpoint(path, sample());
    expect(first.equals(await readFile(path))).toBe(true);
  });
});

describe('a bad checkpoint is refused', () => {
  const refused = async (message: RegExp): Promise<void> => {
    const error: unknown = await readCheckpoint(path).catch((reason) => reason);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message.startsWith(`${path}: `)).toBe(true);
    expect((error as Error).message).not.toContain('\n');
  };
  const altered = async (change: (bytes: Buffer) => Buffer): Promise<void> => {
    await writeCheckpoint(path, sample());
    await writeFile(path, change(await readFile(path)));
  };

  it('when it is cut off, at whatever byte', async () => {
    await writeCheckpoint(path, sample());
    const { length } = await readFile(path);
    for (let size = length - 1; size >= 0; size -= 7) {
      await truncate(path, size);
      await refused(
        size >= 56
          ? new RegExp(`offset ${size}: the file is cut off here, expected ${length} bytes$`)
          : /offset 0: expected a checkpoint|the file ends here, expected at least 56 bytes$/,
      );
    }
  });

  it('when it goes on after its end', async () => {
    await altered((bytes) => Buffer.concat([bytes, Buffer.alloc(3)]));
    await refused(/offset \d+: expected the end, found 3 more bytes$/);
  });

  it('when it is another kind of file', async () => {
    await writeFile(path, '{"step": 1}');
    await refused(/offset 0: expected a checkpoint, which begins with 'NEURCKPT', found "\{\\"step\\":"$/);
  });

  it('when it is of another version', async () => {
    await altered((bytes) => {
      bytes.writeUInt32LE(2, 8);
      return bytes;
    });
    await refused(/offset 8: checkpoint version 2, expected 1$/);
  });

  it('when any single bit has changed', async () => {
    await writeCheckpoint(path, sample());
    const bytes = await readFile(path);
    for (let at = 0; at < bytes.length; at += 5) {
      const changed = Buffer.from(bytes);
      changed[at] ^= 1 << (at % 8);
      await writeFile(path, changed);
      await refused(/: offset \d+: /);
    }
  });

  it('when it is not there', async () => {
    await refused(/cannot be read: ENOENT/);
  });
});

describe('an interrupted write', () => {
  it('leaves the previous checkpoint', async () => {
    await writeCheckpoint(path, { step: 1 });
    await mkdir(`${path}.tmp`);
    await expect(writeCheckpoint(path, { step: 2 })).rejects.toThrow(/EISDIR/);
    expect(await readCheckpoint(path)).toEqual({ step: 1 });
  });

  it('leaves nothing that the next one minds', async () => {
    await writeCheckpoint(path, { step: 1 });
    await writeFile(`${path}.tmp`, 'half of a checkpoint of a process that was killed');
    expect(await readCheckpoint(path)).toEqual({ step: 1 });
    await writeCheckpoint(path, { step: 2 });
    expect(await readCheckpoint(path)).toEqual({ step: 2 });
    await expect(readFile(`${path}.tmp`)).rejects.toThrow(/ENOENT/);
  });
});
