/** Devices that go while somebody waits for them. Dawn then has callbacks in the event loop, and crashed the process when it was collected before. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DeviceLostError } from '@neurite/tensor';
import { expect, test } from 'vitest';
import { bytesOf, numbersOf, scaling } from './programs.js';
import { startGpu } from './start.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

type When = 'read' | 'pending' | 'a turn later';

/** A device that is destroyed with a read behind it, before it, or one turn old, and told `seen` what came of the read. */
async function comeAndGo(when: When, seen: (result: readonly number[] | Error) => void): Promise<void> {
  const gpu = await startGpu();
  const program = await gpu.compile(scaling(3, 2));
  const [a, b] = [gpu.allocate(12), gpu.allocate(12)];
  gpu.write(a, 0, bytesOf(1, 2, 3));
  gpu.submit([{ program, buffers: [a, b].map((buffer) => ({ buffer, byteOffset: 0 })), scalars: [] }]);
  const read = gpu.read(b, 0, 12).then((bytes) => seen(numbersOf(bytes)), seen);
  if (when === 'read') await read;
  if (when === 'a turn later') await turn();
  gpu.destroy();
}

test('nothing crashes when they are collected at once', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const results: Record<When, unknown[]> = { read: [], pending: [], 'a turn later': [] };
  for (let i = 0; i < 60; i++) {
    const when = (['read', 'pending', 'a turn later'] as const)[i % 3];
    await comeAndGo(when, (result) => results[when].push(result));
    // Before the event loop has a turn.
    for (let k = 0; k < 4; k++) {
      await Promise.resolve();
      collect();
    }
    if (i % 2) await turn();
  }
  while (results.pending.length < 20 || results['a turn later'].length < 20) await turn();
  expect(results.read).toEqual(Array(20).fill([2, 4, 6]));
  for (const result of results.pending) expect(result).toBeInstanceOf(DeviceLostError);
});
