import { expect, test } from 'vitest';
import type { BackendFactory } from '../src/backend/interface.js';
import { reference } from '../src/backend/reference.js';
import { DeviceError, memory, ones, realize, tensor, use } from '../src/index.js';
import { getDefaultDevice } from '../src/runtime/device.js';

const silent = { log: false } as const;

const absent: BackendFactory = {
  name: 'absent',
  start() {
    throw new Error('no such machine');
  },
};

/** The reference backend, counting how often it is destroyed. */
function counting() {
  const counts = { destroyed: 0 };
  const factory: BackendFactory = {
    name: 'counting',
    async start() {
      const { backend, notes } = await reference().start();
      const destroy = () => {
        counts.destroyed++;
        return backend.destroy();
      };
      return { backend: { ...backend, destroy }, notes };
    },
  };
  return { counts, factory };
}

test('use takes the first backend that starts and says why not the others', async () => {
  const lines: string[] = [];
  const device = await use(absent, reference(), { log: (line) => lines.push(line) });
  expect(device.name).toBe('reference');
  expect(lines).toEqual([device.report]);
  expect(device.report).toMatch(/^neurite: using reference.*; not absent: no such machine$/);
});

test('use without a backend that starts is a DeviceError with the reasons', async () => {
  await expect(use()).rejects.toThrow(DeviceError);
  await expect(use(absent)).rejects.toThrow('absent: no such machine');
});

test('validateWith that cannot start is an error of its own, and the started backend is destroyed', async () => {
  const { counts, factory } = counting();
  await expect(use(factory, reference(), { ...silent, validateWith: absent })).rejects.toThrow(
    'use: validateWith: absent cannot start here: no such machine',
  );
  expect(counts.destroyed).toBe(1);
});

test('an error in the log function is the caller’s, not a reason against the backend', async () => {
  const log = () => {
    throw new RangeError('log');
  };
  await expect(use(reference(), { log })).rejects.toThrow(RangeError);
});

test('a second use leaves the first device to its tensors', async () => {
  const first = await use(reference(), silent);
  const a = ones([2]).add(1);
  await a.data();
  const second = await use(reference(), silent);
  expect(getDefaultDevice()).toBe(second);
  expect([...(await a.mul(2).data())]).toEqual([4, 4]);
  expect([...(await a.to(second).mul(3).data())]).toEqual([6, 6]);
  await first.destroy();
  expect(getDefaultDevice()).toBe(second);
});

test('destroyed once, after its queue; what was not read by then is a DeviceError, and host data live on', async () => {
  const { counts, factory } = counting();
  const device = await use(factory, silent);
  const host = tensor([1, 2]);
  const kept = host.add(1);
  await kept.data();
  const pending = expect(host.mul(3).data()).rejects.toThrow(DeviceError);
  await Promise.all([device.destroy(), device.destroy()]);
  await pending;
  expect(counts.destroyed).toBe(1);
  await expect(kept.data()).rejects.toThrow(DeviceError);
  await expect(kept.mul(2).data()).rejects.toThrow(DeviceError);
  expect(() => memory()).toThrow(DeviceError);
  await use(reference(), silent);
  expect([...(await host.mul(4).data())]).toEqual([4, 8]);
});

test('a loop that only asks for values is held back by a device that is behind', async () => {
  let queued = 0;
  let most = 0;
  const { name, start } = reference();
  const slow: BackendFactory = {
    name,
    async start() {
      const { backend, notes } = await start();
      return {
        notes,
        backend: {
          ...backend,
          submit(commands) {
            most = Math.max(most, ++queued);
            backend.submit(commands);
          },
          async synchronize() {
            await new Promise((resolve) => setTimeout(resolve));
            queued = 0;
          },
        },
      };
    },
  };
  await use(slow, silent);
  for (let i = 0; i < 100; i++) await realize(ones([2]).add(i));
  expect(most).toBeLessThanOrEqual(8);
});
