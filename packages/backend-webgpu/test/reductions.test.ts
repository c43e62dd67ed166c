/** Reductions of much to little: in parts that workgroups share. */
import { onAnyGpu } from '@neurite/browser';
import { parkMiller } from '@neurite/browser/kit';
import { explain, type Tensor, tensor, use } from '@neurite/tensor';
import { expect, test } from 'vitest';
import { type WebGpuOptions, webgpu } from '../src/index.js';

const draw = parkMiller(11);
const [rows, columns] = [9001, 21];
const content = Float32Array.from({ length: rows * columns }, () => draw() * 2 - 1);

const isInParts = async (t: Tensor): Promise<boolean> =>
  (await explain(t)).kernels.some(({ source }) => source.includes('fn parts_of_nest0('));

/** What reducing each column from a start gives, in float64. */
function byColumn(from: ArrayLike<number>, start: number, add: (a: number, b: number) => number): number[] {
  const results = new Array<number>(columns).fill(start);
  for (let i = 0; i < from.length; i++) results[i % columns] = add(results[i % columns], from[i]);
  return results;
}

test.each([
  ['best limits', {}],
  ['default limits, without subgroups', { limits: 'default' }],
] as [string, WebGpuOptions][])('with %s', async (_, options) => {
  const device = await use(onAnyGpu(webgpu(options)), { log: false });
  try {
    const x: Tensor = tensor(content, { shape: [rows, columns] });
    const close = async (reduced: () => Tensor, expected: readonly number[], bound: number) => {
      expect(await isInParts(reduced())).toBe(true);
      const data = await reduced().data();
      expect(data.length).toBe(expected.length);
      for (const [i, value] of expected.entries())
        expect(Math.abs(data[i] - value)).toBeLessThanOrEqual(bound);
      // Two runs give the same bits.
      expect(await reduced().data()).toEqual(data);
    };
    const sums = byColumn(content, 0, (a, b) => a + b);
    await close(() => x.sum(0), sums, 1e-3);
    await close(
      () => x.mean(0).mul(3).sub(1),
      sums.map((s) => (s / rows) * 3 - 1),
      1e-6,
    );
    await close(() => x.sum(), [sums.reduce((a, b) => a + b)], 1e-2);
    await close(() => x.square().sum(), [content.reduce((a, b) => a + b * b, 0)], 1e-1);
    await close(() => x.amax(0), byColumn(content, -Infinity, Math.max), 0);
    const whole = x.mul(1000).to('int32');
    const integers = Array.from(content, (v) => Math.trunc(Math.fround(v * 1000)));
    await close(
      () => whole.sum(0),
      byColumn(integers, 0, (a, b) => a + b),
      0,
    );
    await close(() => whole.amin(0), byColumn(integers, Infinity, Math.min), 0);
    const withNaN = Float32Array.from(content, (v, i) => (i === 5000 ? Number.NaN : v));
    expect(await (tensor(withNaN, { shape: [rows, columns] }) as Tensor).amax().item()).toBeNaN();
    // Few numbers, and reductions that others wait for, stay in one dispatch.
    expect(await isInParts((tensor(content.slice(0, 300)) as Tensor).sum())).toBe(false);
    expect(await isInParts(x.softmax(0))).toBe(false);
  } finally {
    await device.destroy();
  }
});
