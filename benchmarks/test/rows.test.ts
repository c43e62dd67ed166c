/** Every row that ours computes, once, against numbers that PyTorch computed. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCase, type PeerRows } from '../src/case.js';
import { writeInputs } from '../src/draw.js';
import { readInputs } from '../src/files.js';
import { open as openNeurite } from '../src/peers/neurite/index.js';
import { onNode } from '../src/peers.js';
import { ROW_NAMES, ROWS, type RowName } from '../src/rows.js';
import { type Sample, sampleOf } from '../src/samples.js';

const directory = mkdtempSync(join(tmpdir(), 'neurite-bench-test-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const fixture = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

/** `npm run bench -- --samples --peers 'pytorch 1t'` */
const expected = JSON.parse(fixture('fixtures/pytorch.json')) as Record<RowName, Sample[]>;

const drawn = new Set<RowName>();

function inputsOf(row: RowName) {
  if (!drawn.has(row)) writeInputs(directory, row);
  drawn.add(row);
  return readInputs(directory, row);
}

/** Relative to the largest of the numbers, as the bench does it, but for what was rounded for the file. */
function expectClose(actual: Sample, sample: Sample, tolerance: number): void {
  expect(actual.length).toBe(sample.length);
  const largest = Math.max(...sample.numbers.map(Math.abs));
  sample.numbers.forEach((number, i) => {
    expect(Math.abs(actual.numbers[i] - number)).toBeLessThanOrEqual(2 * tolerance * largest);
  });
}

const digest = (arrays: readonly Float32Array[]): string => {
  const hash = createHash('sha1');
  for (const { buffer, byteOffset, byteLength } of arrays)
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
};

/** Compares the results with PyTorch's; returns a digest of their bits. */
async function check(rows: PeerRows, row: RowName): Promise<string> {
  const made = await makeCase(rows, row, inputsOf(row));
  // As the peers' processes do it.
  if (ROWS[row].timing !== 'warm') await made.run();
  const arrays = await made.check();
  const results = arrays.map(sampleOf);
  expect(results.length).toBe(expected[row].length);
  results.forEach((result, i) => {
    expectClose(result, expected[row][i], ROWS[row].tolerance);
  });
  await made.run();
  return digest(arrays);
}

const bitsOfOneThread = new Map<RowName, string>();

describe.each([1, 2])(
  'ours with %i threads agrees with PyTorch, and with ours of one thread to the bit',
  (threads) => {
    let rows: PeerRows;
    beforeAll(async () => {
      rows = await openNeurite(threads);
    });
    test.each(ROW_NAMES)('%s', async (row) => {
      const bits = await check(rows, row);
      if (threads === 1) bitsOfOneThread.set(row, bits);
      else expect(bits).toBe(bitsOfOneThread.get(row));
    });
  },
);

const { peers } = onNode();
const missing = peers.find(({ name }) => name === 'onnxruntime 2t')!.unavailable();

describe.skipIf(missing)('onnxruntime agrees with PyTorch', async () => {
  const rows = missing ? undefined : await (await import('../src/peers/onnxruntime/index.js')).open(1);
  const forward = ROW_NAMES.filter((row) => typeof rows?.[row] === 'function');
  test.each(forward)('%s', async (row) => {
    await check(rows!, row);
  });
});

test('PyTorch has a row of each name', () => {
  const table = fixture('../src/peers/pytorch/rows.py').split('ROWS = {')[1];
  const names = [...table.matchAll(/^ {4}'([^']+)':/gm)].map(([, name]) => name);
  expect(names).toEqual(ROW_NAMES);
});
