/** Tensors, and the GPU buffers, images and canvases of a page. */
import { fileURLToPath } from 'node:url';
import { type Browser, launch, onAnyGpu, type Page } from '@neurite/browser';
import {
  type Device,
  DeviceError,
  DTypeError,
  memory,
  OutOfMemoryError,
  ShapeError,
  tensor,
  use,
  ValueError,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  fromGPUBuffer,
  fromImage,
  type GpuBackend,
  toGPUBuffer,
  webgpu,
  withGPUBuffer,
} from '../src/index.js';
import type * as inPage from './entries/interop.js';
import { bytesOf, numbersOf } from './programs.js';

const STORAGE = 0x80;
const COPY_DST = 0x8;
const COPY_SRC = 0x4;

let device: Device;
let gpu: GpuBackend;
describe('in Node', () => {
  beforeEach(async () => {
    device = await use(onAnyGpu(webgpu()), { log: false });
    gpu = device.backend as GpuBackend;
  });
  afterEach(() => device.destroy());

  function bufferWith(values: readonly number[], usage = STORAGE | COPY_DST | COPY_SRC): GPUBuffer {
    const buffer = gpu.device.createBuffer({ size: values.length * 4, usage: usage | COPY_DST });
    gpu.device.queue.writeBuffer(buffer, 0, bytesOf(...values) as Uint8Array<ArrayBuffer>);
    return buffer;
  }

  async function read(buffer: GPUBuffer): Promise<number[]> {
    const staging = gpu.device.createBuffer({ size: buffer.size, usage: 0x1 | COPY_DST });
    const encoder = gpu.device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
    gpu.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(1);
    const values = numbersOf(new Uint8Array(staging.getMappedRange()));
    staging.destroy();
    return values;
  }

  describe('from a GPU buffer', () => {
    test('a copy: the buffer may be written to and destroyed afterwards', async () => {
      const buffer = bufferWith([1, 2, 3, 4, 5, 6]);
      const x = fromGPUBuffer(buffer, [2, 3]);
      gpu.device.queue.writeBuffer(buffer, 0, bytesOf(9, 9, 9) as Uint8Array<ArrayBuffer>);
      buffer.destroy();
      const { bytesWritten } = gpu.counters;
      expect(await x.mul(2).array()).toEqual([
        [2, 4, 6],
        [8, 10, 12],
      ]);
      expect([x.shape, x.dtype, x.device]).toEqual([[2, 3], 'float32', device]);
      expect(gpu.counters.bytesWritten).toBe(bytesWritten);
    });

    test('comes behind what the page submitted, and what was gathered before it', async () => {
      const a = tensor([1, 2, 3, 4]);
      const doubled = a.mul(2);
      const buffer = await toGPUBuffer(doubled);
      const again = fromGPUBuffer(buffer, [4]).add(doubled);
      expect(await again.array()).toEqual([4, 8, 12, 16]);
      expect(memory(device).live).toBeGreaterThan(0);
    });

    test('other dtypes, a buffer that is longer, an empty tensor', async () => {
      const words = gpu.device.createBuffer({ size: 16, usage: COPY_SRC | COPY_DST });
      gpu.device.queue.writeBuffer(words, 0, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
      expect(await fromGPUBuffer(words, [5], { dtype: 'uint8' }).array()).toEqual([1, 2, 3, 4, 5]);
      expect(await fromGPUBuffer(words, [1], { dtype: 'int32' }).array()).toEqual([0x04030201]);
      expect(await fromGPUBuffer(words, [0, 3]).array()).toEqual([]);
    });

    test('adopted: nothing is copied, and it is in the account until it is destroyed with the tensor', async () => {
      const buffer = bufferWith([1, 2, 3]);
      const before = memory(device).live;
      const x = fromGPUBuffer(buffer, [3], { adopt: true });
      expect(memory(device).live).toBe(before + 12);
      expect(await withGPUBuffer(x, (held) => held)).toBe(buffer);
      expect(await x.neg().array()).toEqual([-1, -2, -3]);
      gpu.free(device.disown((x.node as { storage: Parameters<Device['disown']>[0] }).storage)!);
      gpu.device.pushErrorScope('validation');
      gpu.device.queue.writeBuffer(buffer, 0, bytesOf(1) as Uint8Array<ArrayBuffer>);
      expect((await gpu.device.popErrorScope())?.message).toMatch(/destroyed/);
    });

    test('what cannot be is refused at the call', async () => {
      const buffer = bufferWith([1, 2, 3]);
      expect(() => fromGPUBuffer(buffer, [2, 2])).toThrow(ShapeError);
      expect(() => fromGPUBuffer(buffer, [2, 2])).toThrow('float32[2, 2] takes 16 bytes, the buffer has 12');
      const unread = bufferWith([1], STORAGE);
      expect(() => fromGPUBuffer(unread, [1])).toThrow('needs the usage COPY_SRC');
      const unwritten = bufferWith([1], COPY_SRC);
      expect(() => fromGPUBuffer(unwritten, [1], { adopt: true })).toThrow('STORAGE, COPY_SRC and COPY_DST');
      const mapped = gpu.device.createBuffer({ size: 4, usage: COPY_SRC | COPY_DST, mappedAtCreation: true });
      expect(() => fromGPUBuffer(mapped, [1])).toThrow('is mapped');
      const small = await use(onAnyGpu(webgpu({ device: gpu.device, memoryBudget: 1024 })), { log: false });
      const large = bufferWith(new Array(300).fill(0));
      expect(() => fromGPUBuffer(large, [300], { adopt: true, device: small })).toThrow(OutOfMemoryError);
      await small.destroy();
      const plain = await use(reference(), { log: false });
      expect(() => fromGPUBuffer(buffer, [3])).toThrow(DeviceError);
      expect(() => fromGPUBuffer(buffer, [3])).toThrow('expected a device of webgpu(), got reference');
      await expect(toGPUBuffer(tensor([1]))).rejects.toThrow('expected a device of webgpu(), got reference');
      await plain.destroy();
    });

    test('a buffer of another device is told by the next read', async () => {
      const other = await use(onAnyGpu(webgpu()), { log: false });
      const foreign = (other.backend as GpuBackend).device.createBuffer({ size: 4, usage: COPY_SRC });
      const x = fromGPUBuffer(foreign, [1], { device });
      await expect(x.data()).rejects.toThrow(/^fromGPUBuffer: /);
      await other.destroy();
    });
  });

  describe('to a GPU buffer', () => {
    test('a copy, which is the caller’s', async () => {
      const x = tensor([
        [1, 2],
        [3, 4],
      ]).add(1);
      const buffer = await toGPUBuffer(x);
      const { bytesRead } = gpu.counters;
      expect(await read(buffer)).toEqual([2, 3, 4, 5]);
      expect(gpu.counters.bytesRead).toBe(bytesRead);
      gpu.device.queue.writeBuffer(buffer, 0, bytesOf(0, 0, 0, 0) as Uint8Array<ArrayBuffer>);
      buffer.destroy();
      expect(await x.sum().item()).toBe(14);
    });

    test('or its own, for reading', async () => {
      const x = tensor([1, 2, 3]).mul(3);
      const copied = gpu.device.createBuffer({ size: 12, usage: COPY_SRC | COPY_DST });
      await withGPUBuffer(x, (buffer, on) => {
        expect(on).toBe(gpu.device);
        const encoder = on.createCommandEncoder();
        encoder.copyBufferToBuffer(buffer, 0, copied, 0, 12);
        on.queue.submit([encoder.finish()]);
      });
      expect(await read(copied)).toEqual([3, 6, 9]);
    });
  });

  describe('a device that is somebody else’s', () => {
    test('is used, and not destroyed; its own errors stay its own', async () => {
      const mine = gpu.device;
      const shared = await use(webgpu({ device: mine }), { log: false });
      expect(shared.report).toContain('neurite of the page');
      const errors: string[] = [];
      mine.addEventListener('uncapturederror', (event) =>
        errors.push((event as GPUUncapturedErrorEvent).error.message),
      );
      expect(await tensor([1, 2]).mul(2).array()).toEqual([2, 4]);
      const kept = await toGPUBuffer(tensor([5]).mul(2));
      await shared.destroy();
      expect(await read(kept)).toEqual([10]);
      await expect(tensor([1], { device: shared }).add(1).data()).rejects.toThrow('was destroyed');
      expect(errors).toEqual([]);
      expect(await tensor([1], { device }).add(1).array()).toEqual([2]);
    });

    test('that is lost is refused', async () => {
      const own = (await onAnyGpu(webgpu()).start()).backend as GpuBackend;
      own.destroy();
      await own.device.lost;
      await expect(use(webgpu({ device: own.device }), { log: false })).rejects.toThrow(
        'the given device is lost',
      );
    });
  });

  describe('from pixels in host memory', () => {
    // Two rows of three pixels.
    const data = Uint8ClampedArray.from([
      255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 51, 102, 153, 0, 255, 255, 255, 128, 0, 0, 0, 255,
    ]);
    const image = { data, width: 3, height: 2 };
    const plane = (c: number) => [0, 1, 2, 3, 4, 5].map((i) => data[4 * i + c] / 255);

    test('as planes of 0…1', async () => {
      const rgb = fromImage(image);
      expect(rgb.shape).toEqual([3, 2, 3]);
      const expected = [plane(0), plane(1), plane(2)].flat();
      (await rgb.data()).forEach((x, i) => expect(x).toBeCloseTo(expected[i], 6));
      const rgba = await fromImage(image, { channels: 'rgba' }).data();
      [...expected, ...plane(3)].forEach((x, i) => expect(rgba[i]).toBeCloseTo(x, 6));
      const grey = fromImage(image, { channels: 'grey' });
      expect(grey.shape).toEqual([1, 2, 3]);
      const luma = plane(0).map((r, i) => 0.299 * r + 0.587 * plane(1)[i] + 0.114 * plane(2)[i]);
      (await grey.data()).forEach((x, i) => expect(x).toBeCloseTo(luma[i], 6));
    });

    test('a list is a batch', async () => {
      const black = { data: new Uint8ClampedArray(24), width: 3, height: 2 };
      const batch = fromImage([image, black, image], { channels: 'grey' });
      expect(batch.shape).toEqual([3, 1, 2, 3]);
      const values = [...(await batch.data())];
      expect(values.slice(6, 12)).toEqual([0, 0, 0, 0, 0, 0]);
      expect(values.slice(0, 6)).toEqual(values.slice(12));
      expect(values[4]).toBeCloseTo(1, 6);
    });

    test('what cannot be is refused at the call', () => {
      expect(() => fromImage([])).toThrow(ShapeError);
      expect(() => fromImage({ data, width: 3, height: 3 })).toThrow('24 bytes, expected 4 · 3 · 3');
      expect(() => fromImage([image, { data, width: 2, height: 3 }])).toThrow('source 1 has 2 × 3 pixels');
      expect(() => fromImage({ data, width: 0, height: 0 })).toThrow('no pixels');
      expect(() => fromImage(image, { channels: 'hsv' as 'rgb' })).toThrow(ValueError);
    });
  });
});

describe('in a page', () => {
  let browser: Browser;
  let page: Page<typeof inPage>;
  beforeAll(async () => {
    browser = await launch({ composes: true });
    const entry = fileURLToPath(new URL('entries/interop.ts', import.meta.url));
    page = await browser.open({ entry, thread: 'page' });
  });
  afterAll(() => browser?.close());

  const sources = ['bitmap', 'imageData', 'videoFrame', 'canvas', 'imageElement', 'videoElement'] as const;
  test.each(sources)('from: %s', async (kind) => {
    const { values, shape, expected, written, read } = await page.run('fromSource', kind);
    expect(shape).toEqual([4, 3, 5]);
    // Video may be converted to another colour space and back.
    const digits = kind.startsWith('video') ? 1.5 : 6;
    values.forEach((x, i) => expect(x).toBeCloseTo(expected[i], digits));
    // Pixels in host memory are copied from there, and everything else is on the GPU.
    expect([written, read]).toEqual([kind === 'imageData' ? 60 : 0, 0]);
  });

  test.each([1, 2, 3, 4])('to a canvas and back: kind %i', async (kind) => {
    const { pixels, expected, size, written, read } = await page.run('toCanvasAndBack', kind);
    expect(size).toEqual([7, 4]);
    expect(pixels).toHaveLength(expected.length);
    // Canvases hold colours multiplied by alpha, in bytes.
    pixels.forEach((x, i) => {
      const alpha = i % 4 === 3 ? 255 : expected[i - (i % 4) + 3];
      expect((Math.abs(x - expected[i]) * alpha) / 255, `byte ${i}`).toBeLessThanOrEqual(2);
    });
    expect([written, read]).toEqual([0, 0]);
  });

  test('a canvas takes no other tensors, and none that has another context', async () => {
    const errors = await page.run('refused');
    expect(errors[0]).toMatch(/^ShapeError: toCanvas: expected .* got \[2, 4, 7\]$/);
    expect(errors[1]).toBe('DTypeError: toCanvas: expected float32, got int32');
    expect(errors[2]).toBe('DeviceError: toCanvas: the canvas has a context of another kind');
    expect(DTypeError.name).toBe('DTypeError');
  });

  test('and the page’s own device', async () => {
    expect(await page.run('sharedDevice')).toEqual({ sum: 21, alive: [2, 4, 6, 8, 10, 12] });
  });
});
