/** Random numbers: the same bits on host and device, reproducible, distributed as promised. */
import { beforeAll, describe, expect, test } from 'vitest';
import { reference } from '../src/backend/reference.js';
import {
  bernoulli,
  defaultGenerator,
  Generator,
  hostNormal,
  hostPermutation,
  hostRandomBits,
  hostUniform,
  manualSeed,
  normal,
  rand,
  randint,
  randn,
  randperm,
  stats,
  tensor,
  uniform,
  use,
  ValueError,
} from '../src/index.js';
import { threefry2x32 } from '../src/kernel/threefry.js';

beforeAll(async () => {
  await use(reference(), { log: false });
});

const moments = (values: ArrayLike<number>) => {
  const list = Array.from(values);
  const mean = list.reduce((a, b) => a + b, 0) / list.length;
  return { mean, variance: list.reduce((a, b) => a + (b - mean) ** 2, 0) / list.length };
};

describe('Generator', () => {
  test('element i is Threefry of the key at counter offset + i', () => {
    const g = new Generator(7n | (9n << 32n));
    hostRandomBits(g, 5);
    const bits = hostRandomBits(g, 3);
    expect([...bits]).toEqual([5, 6, 7].map((c) => threefry2x32(7, 9, c, 0)[0]));
    expect(g.offset).toBe(8);
  });

  test('counters carry into the high word', async () => {
    const state = { seed: [1, 2] as const, offset: 2 ** 32 - 1 };
    const g = new Generator();
    g.state = state;
    const expected = [threefry2x32(1, 2, 0xffffffff, 0)[0], threefry2x32(1, 2, 0, 1)[0]];
    expect([...hostRandomBits(g, 2)]).toEqual(expected);
    g.state = state;
    const drawn = await randint(0, 2 ** 32, [2], { dtype: 'uint32', generator: g }).data();
    expect([...drawn]).toEqual(expected);
  });

  test('seeds', () => {
    expect(new Generator(5).seed).toBe(5);
    expect(new Generator(2 ** 40 + 1).seed).toBe(2 ** 40 + 1);
    expect(new Generator(-1).seed).toBe(0xffffffffffffffffn);
    expect(() => new Generator(0.5)).toThrow(
      'manualSeed: a seed must be an integer up to 2^53, or a bigint, got 0.5',
    );
    expect(manualSeed(3)).toBe(defaultGenerator);
  });

  test('a state is plain data and resumes exactly', () => {
    const g = new Generator(11);
    hostUniform(g, 10);
    const saved = JSON.parse(JSON.stringify(g.state));
    const next = hostUniform(g, 4);
    const other = new Generator();
    other.state = saved;
    expect(hostUniform(other, 4)).toEqual(next);
    expect(() => {
      other.state = { seed: [1.5, 0], offset: 0 };
    }).toThrow(ValueError);
  });

  test('forks are reproducible and differ from their parent and from each other', () => {
    const [a, b] = [new Generator(1), new Generator(1)];
    const [first, second] = [a.fork(), a.fork()];
    expect(b.fork().state).toEqual(first.state);
    expect(a.offset).toBe(2);
    const draws = [a, first, second].map((g) => hostRandomBits(g, 4).join());
    expect(new Set(draws).size).toBe(3);
  });
});

describe('host and device', () => {
  test('uniform numbers are equal bit for bit', async () => {
    const draw = async (low: number, high: number) => {
      const device = await uniform(low, high, [1000], { generator: new Generator(5) }).data();
      return [device, hostUniform(new Generator(5), 1000, low, high)];
    };
    for (const [low, high] of [
      [0, 1],
      [-0.1, 0.1],
      [-3, 7.3],
    ]) {
      const [device, host] = await draw(low, high);
      expect(device).toEqual(host);
    }
    expect(await rand([1000], { generator: new Generator(5) }).data()).toEqual(
      hostUniform(new Generator(5), 1000),
    );
  });

  test('normal numbers agree to tolerance', async () => {
    const device = await normal(2, 3, [500], { generator: new Generator(8) }).data();
    const host = hostNormal(new Generator(8), 500, 2, 3);
    device.forEach((v, i) => {
      expect(Math.abs(v - host[i])).toBeLessThan(2e-5);
    });
  });

  test('a draw is fixed when it is recorded', async () => {
    const g = new Generator(4);
    const [a, b] = [rand([3], { generator: g }), rand([3], { generator: g })];
    const late = await b.data();
    const early = await a.data();
    const both = hostUniform(new Generator(4), 6);
    expect([...early, ...late]).toEqual([...both]);
    // Computed again inside another expression: the same numbers.
    expect(await a.mul(2).data()).toEqual(early.map((v) => v * 2));
  });
});

describe('distributions', () => {
  test('uniform', async () => {
    manualSeed(1);
    const values = await rand([20000]).data();
    const { mean, variance } = moments(values);
    expect(mean).toBeCloseTo(0.5, 1.9);
    expect(variance).toBeCloseTo(1 / 12, 2);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    const half = await rand([5000], { dtype: 'float16' }).data();
    expect(Math.max(...half)).toBeLessThan(1);
  });

  test('normal', async () => {
    manualSeed(2);
    const values = await randn([20000]).data();
    const { mean, variance } = moments(values);
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
    expect(values.every(Number.isFinite)).toBe(true);
    // Tails: P(|x| > 2) = 4.55 %.
    const tail = values.filter((v) => Math.abs(v) > 2).length / values.length;
    expect(Math.abs(tail - 0.0455)).toBeLessThan(0.006);
  });

  test('integers', async () => {
    manualSeed(3);
    const values = await randint(-3, 4, [7000]).data();
    const counts = Array.from({ length: 7 }, (_, i) => values.filter((v) => v === i - 3).length);
    for (const c of counts) expect(Math.abs(c - 1000)).toBeLessThan(150);
    expect(() => randint(2, 2, [1])).toThrow(
      'randint: need integers low < high at most 2^32 apart, got 2 and 2',
    );
  });

  test('Bernoulli masks are exact comparisons of bits', async () => {
    const p = 0.3;
    const mask = await bernoulli(p, [5000], { dtype: 'bool', generator: new Generator(6) }).data();
    const bits = hostRandomBits(new Generator(6), 5000);
    expect([...mask]).toEqual([...bits].map((b) => (b < Math.round(p * 2 ** 32) ? 1 : 0)));
    expect(await bernoulli(1, [3]).data()).toEqual(Float32Array.of(1, 1, 1));
    expect(await bernoulli(0, [3]).data()).toEqual(Float32Array.of(0, 0, 0));
    expect(() => bernoulli(1.5, [2])).toThrow('bernoulli: p must lie in [0, 1], got 1.5');
  });

  test('Bernoulli from a tensor of probabilities', async () => {
    manualSeed(9);
    const p = tensor([0, 0.25, 1]).unsqueeze(1).expand(3, 4000);
    const rates = await bernoulli(p).mean(1).data();
    expect(rates[0]).toBe(0);
    expect(Math.abs(rates[1] - 0.25)).toBeLessThan(0.03);
    expect(rates[2]).toBe(1);
  });

  test('permutations', async () => {
    manualSeed(10);
    const p = (await randperm(50).data()) as Int32Array;
    expect([...p].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect([...p]).not.toEqual([...p].sort((a, b) => a - b));
    expect(hostPermutation(new Generator(2), 1)).toEqual(Int32Array.of(0));
    // Every one of the six orders of three things comes up about equally often.
    const g = new Generator(12);
    const seen = new Map<string, number>();
    for (let i = 0; i < 3000; i++) {
      const order = hostPermutation(g, 3).join();
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(6);
    for (const c of seen.values()) expect(Math.abs(c - 500)).toBeLessThan(100);
  });
});

describe('plans', () => {
  test('another seed, offset or probability compiles nothing', async () => {
    const step = async (p: number) =>
      bernoulli(p, [16])
        .mul(randn([16]))
        .sum()
        .item();
    const values = [await step(0.5)];
    const before = stats();
    manualSeed(77);
    values.push(await step(0.4), await step(0.3));
    const after = stats();
    expect(after.plansBuilt).toBe(before.plansBuilt);
    expect(after.programsCompiled).toBe(before.programsCompiled);
    expect(new Set(values).size).toBe(3);
  });
});
