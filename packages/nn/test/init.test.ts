import { Generator, type Tensor, zeros } from '@neurite/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../src/index.js';
import { expectValues, useReference, values } from './support.js';

const { init } = nn;
beforeAll(useReference);

const generator = (): Generator => new Generator(11);
const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;
const deviation = (xs: readonly number[]): number => {
  const centre = mean(xs);
  return Math.sqrt(mean(xs.map((x) => (x - centre) ** 2)));
};

/**
 * Uniform within ±bound: the limits are kept and nearly reached, mean and deviation fit (5 standard errors).
 */
async function expectUniform(t: Tensor, bound: number): Promise<void> {
  const xs = await values(t);
  const largest = Math.max(...xs.map(Math.abs));
  expect(largest).toBeLessThanOrEqual(Math.fround(bound));
  expect(largest).toBeGreaterThan(0.99 * bound);
  expect(Math.abs(mean(xs))).toBeLessThan((5 * bound) / Math.sqrt(3 * xs.length));
  expect(deviation(xs) / (bound / Math.sqrt(3))).toBeCloseTo(1, 1);
}

async function expectNormal(t: Tensor, std: number): Promise<void> {
  const xs = await values(t);
  expect(Math.abs(mean(xs))).toBeLessThan((5 * std) / Math.sqrt(xs.length));
  expect(deviation(xs) / std).toBeCloseTo(1, 1);
  const within = xs.filter((x) => Math.abs(x) < std).length / xs.length;
  expect(within).toBeCloseTo(0.6827, 1);
}

describe('calculateGain', () => {
  it('knows PyTorch’s gains, in both spellings', () => {
    expect(init.calculateGain('linear')).toBe(1);
    expect(init.calculateGain('tanh')).toBe(5 / 3);
    expect(init.calculateGain('relu')).toBe(Math.SQRT2);
    expect(init.calculateGain('selu')).toBe(0.75);
    expect(init.calculateGain('leakyRelu')).toBeCloseTo(Math.sqrt(2 / 1.0001), 12);
    expect(init.calculateGain('leaky_relu', 1)).toBeCloseTo(1, 12);
    expect(() => init.calculateGain('swish' as never)).toThrow("calculateGain: no gain is known for 'swish'");
  });
});

describe('fans', () => {
  it('count the kernel', () => {
    expect(init.calculateFanInAndFanOut(zeros([16, 3, 5, 5]))).toEqual({ fanIn: 75, fanOut: 400 });
    expect(init.calculateFanInAndFanOut([64, 128])).toEqual({ fanIn: 128, fanOut: 64 });
    expect(() => init.calculateFanInAndFanOut(zeros([3]))).toThrow(/needs at least 2 dimensions, got \[3\]/);
  });
});

describe('distributions', () => {
  const weight = (): Tensor => zeros([64, 32, 3]);
  const [fanIn, fanOut] = [96, 192];

  it('uniform_ and normal_', async () => {
    const w = weight();
    expect(init.uniform_(w, -0.5, 0.5, { generator: generator() })).toBe(w);
    await expectUniform(w, 0.5);
    await expectNormal(init.normal_(weight(), { std: 3, generator: generator() }), 3);
    expect(mean(await values(init.normal_(weight(), 10)))).toBeCloseTo(10, 0);
    expect(() => init.uniform_(w, 1, 0)).toThrow('uniform_: the lower limit 1 is above the upper limit 0');
  });

  it('xavier, kaiming and lecun have the variances of their papers', async () => {
    const options = { generator: generator() };
    await expectUniform(init.xavierUniform_(weight(), 2, options), 2 * Math.sqrt(6 / (fanIn + fanOut)));
    await expectNormal(init.xavierNormal_(weight(), options), Math.sqrt(2 / (fanIn + fanOut)));
    await expectUniform(init.kaimingUniform_(weight(), options), Math.sqrt(6 / fanIn));
    await expectUniform(init.kaimingUniform_(weight(), Math.sqrt(5), options), 1 / Math.sqrt(fanIn));
    await expectNormal(
      init.kaimingNormal_(weight(), { mode: 'fanOut', nonlinearity: 'relu', ...options }),
      Math.sqrt(2 / fanOut),
    );
    await expectNormal(init.kaimingNormal_(weight(), 0, 'fan_in', 'tanh', options), 5 / 3 / Math.sqrt(fanIn));
    await expectNormal(init.lecunNormal_(weight(), options), 1 / Math.sqrt(fanIn));
    await expectUniform(init.lecunUniform_(weight(), options), Math.sqrt(3 / fanIn));
    expect(() => init.kaimingNormal_(weight(), { mode: 'fan' as never })).toThrow(
      "kaimingNormal_: mode must be 'fanIn' or 'fanOut', got 'fan'",
    );
  });

  it('truncNormal_ cuts the tails off and keeps the shape between', async () => {
    const xs = await values(init.truncNormal_(weight(), { generator: generator() }));
    expect(Math.max(...xs.map(Math.abs))).toBeLessThanOrEqual(2);
    // The deviation of a standard normal cut at ±2 is 0.8796.
    expect(deviation(xs)).toBeCloseTo(0.8796, 1);
    expect(xs.filter((x) => Math.abs(x) < 1).length / xs.length).toBeCloseTo(0.6827 / 0.9545, 1);
    const tail = await values(init.truncNormal_(zeros([2000]), 0, 1, 3, 4, { generator: generator() }));
    expect(Math.min(...tail)).toBeGreaterThanOrEqual(3);
    expect(Math.max(...tail)).toBeLessThanOrEqual(4);
    // The mean of a standard normal between 3 and 4 is (φ(3) − φ(4)) / (Φ(4) − Φ(3)) = 3.2644.
    expect(mean(tail)).toBeCloseTo(3.264, 1);
  });

  it('orthogonal_ has orthonormal rows, or columns where these are fewer', async () => {
    const wide = init.orthogonal_(zeros([5, 2, 4]), { generator: generator() }).reshape([5, 8]);
    await expectValues(wide.matmul(wide.transpose(0, 1)), identity(5));
    const tall = init.orthogonal_(zeros([9, 4]), 3, { generator: generator() });
    await expectValues(
      tall.transpose(0, 1).matmul(tall),
      identity(4).map((v) => 9 * v),
      5,
    );
    expect(() => init.orthogonal_(zeros([3]))).toThrow('orthogonal_: needs at least 2 dimensions, got [3]');
  });

  it('the rest say what they do', async () => {
    await expectValues(init.constant_(zeros([2]), 0.25), [0.25, 0.25]);
    await expectValues(init.ones_(zeros([2])), [1, 1]);
    await expectValues(init.zeros_(init.ones_(zeros([2]))), [0, 0]);
    await expectValues(init.eye_(zeros([2, 3])), [1, 0, 0, 0, 1, 0]);
    await expectValues(init.dirac_(zeros([2, 2, 3])), [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    await expectValues(init.dirac_(zeros([4, 1, 1]), 2), [1, 0, 1, 0]);
    const x = Float32Array.from({ length: 18 }, (_, i) => i);
    const kernel = init.dirac_(zeros([2, 2, 3, 3]));
    const image = zeros([1, 2, 3, 3]).add(1);
    await expectValues(nn.functional.conv2d(image, kernel, null, { padding: 1 }), Array(x.length).fill(1));
  });
});

describe('initialisers', () => {
  it('change a parameter in place, outside the tape, from the seed', async () => {
    const layer = new nn.Linear(3, 3);
    const { weight } = layer;
    expect(init.xavierUniform_(weight, { generator: generator() })).toBe(weight);
    expect(weight.requiresGrad && weight.isLeaf).toBe(true);
    const first = await values(weight);
    init.xavierUniform_(weight, { generator: generator() });
    expect(await values(weight)).toEqual(first);
    expect(layer.weight).toBe(weight);
  });

  it('keep the target’s dtype', async () => {
    const t = init.normal_(zeros([4], { dtype: 'float64' }), { generator: generator() });
    expect(t.dtype).toBe('float64');
    await expectValues(t, await values(init.normal_(zeros([4]), { generator: generator() })));
  });

  it('apply reaches every layer', async () => {
    const net = new nn.Sequential(new nn.Linear(2, 2), new nn.Sequential(new nn.Linear(2, 2)));
    net.apply((module) => {
      if (module instanceof nn.Linear) init.constant_(module.weight, 3);
    });
    for (const [name, p] of net.namedParameters()) {
      if (name.endsWith('weight')) await expectValues(p, [3, 3, 3, 3]);
    }
  });
});

function identity(n: number): number[] {
  return Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
}
