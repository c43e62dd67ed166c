import { OutOfMemoryError, ValidationError } from '@neurite/tensor';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMemory } from '../src/memory.js';

const MiB = 1024 * 1024;

test('any sequence of allocations and frees keeps blocks apart, aligned and within the memory', () => {
  const step = fc.record({ bytes: fc.nat(300_000), release: fc.boolean(), which: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const memory = createMemory({ budget: 8 * MiB });
      const live: { address: number; bytes: number; mark: number }[] = [];
      let mark = 0;
      for (const { bytes, release, which } of steps) {
        if (release && live.length) {
          const [block] = live.splice(which % live.length, 1);
          const view = memory.bytes().subarray(block!.address, block!.address + block!.bytes);
          expect(view.every((byte) => byte === block!.mark)).toBe(true);
          memory.free(block!.address);
          continue;
        }
        let address: number;
        try {
          address = memory.allocate(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(OutOfMemoryError);
          continue;
        }
        expect(address % 64).toBe(0);
        expect(address).toBeGreaterThanOrEqual(64);
        expect(address + bytes).toBeLessThanOrEqual(memory.bytes().length - 64);
        mark = (mark + 1) % 256;
        memory.bytes().fill(mark, address, address + bytes);
        live.push({ address, bytes, mark });
      }
      for (const block of live) {
        const view = memory.bytes().subarray(block.address, block.address + block.bytes);
        expect(view.every((byte) => byte === block.mark)).toBe(true);
        memory.free(block.address);
      }
      expect(memory.live).toBe(0);
      // Everything merged back into one block: what fitted at first fits again.
      memory.free(memory.allocate(7 * MiB));
    }),
    { numRuns: 40 },
  );
});

test('the budget is a limit on live bytes, and an allocation that fails changes nothing', () => {
  const memory = createMemory({ budget: MiB });
  const half = memory.allocate(MiB / 2);
  expect(() => memory.allocate(MiB)).toThrow(
    /cannot allocate 1048576 bytes: 524288 bytes are in use.*1048576/,
  );
  const rest = memory.allocate(MiB / 2);
  expect(() => memory.allocate(1)).toThrow(OutOfMemoryError);
  memory.free(half);
  memory.free(rest);
  expect(memory.live).toBe(0);
  memory.free(memory.allocate(MiB));
});

test('freeing twice is refused', () => {
  const memory = createMemory({ budget: MiB });
  const address = memory.allocate(100);
  memory.free(address);
  expect(() => memory.free(address)).toThrow(ValidationError);
});

test('the same steps again and again do not grow the memory', () => {
  const memory = createMemory({ budget: 64 * MiB });
  const sizes = [40_000, 4, 1_000_000, 640, 64, 250_000, 128];
  const run = () => {
    const addresses = sizes.map((size) => memory.allocate(size));
    for (const address of addresses) memory.free(address);
  };
  run();
  const before = memory.bytes().length;
  for (let i = 0; i < 1000; i++) run();
  expect(memory.bytes().length).toBe(before);
});
