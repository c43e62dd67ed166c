import { expect, test } from 'vitest';
import { reference } from '../src/backend/reference.js';
import { type BackendFactory, memory, OutOfMemoryError, realize, tensor, use } from '../src/index.js';

const SIZE = 1024;
const BYTES = SIZE * 4;

const batch = (value: number) => tensor(new Float32Array(SIZE).fill(value));

/** The reference backend with room for few tensors. */
function small(bytes: number): BackendFactory {
  const { name, start } = reference();
  return {
    name,
    async start() {
      const { backend, notes } = await start();
      const capabilities = { ...backend.capabilities, memoryBudget: bytes };
      let live = 0;
      return {
        notes,
        backend: {
          ...backend,
          capabilities,
          allocate(size) {
            if (live + size > bytes) throw new OutOfMemoryError(`small: ${live} + ${size} > ${bytes}`);
            live += size;
            return backend.allocate(size);
          },
          free(buffer) {
            live -= buffer.bytes;
            backend.free(buffer);
          },
        },
      };
    },
  };
}

test('a batch of host numbers per step takes the room of a few batches, weights stay on the device', async () => {
  await use(reference(), { log: false });
  const weight = batch(2);
  const total: number[] = [];
  for (let step = 0; step < 100; step++) {
    total.push(await batch(step).mul(weight).sum().item());
    expect(memory().cachedUploads).toBeLessThanOrEqual(18 * BYTES);
  }
  expect(total).toEqual(total.map((_, step) => step * 2 * SIZE));
});

test('a tensor whose copy on the device was dropped is copied again', async () => {
  await use(reference(), { log: false });
  const x = batch(3);
  await realize(x.add(1));
  for (let step = 0; step < 40; step++) await realize(batch(step).sum());
  expect(await x.sum().item()).toBe(3 * SIZE);
});

test('short of memory, the copies that this very run needs are kept', async () => {
  await use(small(6 * BYTES), { log: false });
  for (let step = 0; step < 20; step++) {
    const [a, b, c] = [batch(step), batch(1), batch(2)];
    expect(await a.mul(b).add(c).sum().item()).toBe((step + 2) * SIZE);
  }
});
