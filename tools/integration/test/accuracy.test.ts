/** How exact functions are that consist of several scalar ops, on the CPU, against float64. */
import { cpu } from '@neurite/backend-cpu';
import { functional } from '@neurite/nn';
import { type Tensor, tensor, use } from '@neurite/tensor';
import { beforeAll, describe, expect, test } from 'vitest';

beforeAll(() => use(cpu({ threads: 1 }), { log: false }));

const MAX = 3.4028234663852886e38;

/** Every 16411th bit pattern of a float32, and numbers that lie dense where the functions bend. */
function samples(): Float32Array {
  const patterns = Uint32Array.from({ length: Math.floor(2 ** 32 / 16411) }, (_, i) => i * 16411);
  const dense = (from: number, to: number) =>
    Float32Array.from({ length: 20_000 }, (_, i) => from + ((to - from) * (i + 0.3)) / 20_000);
  const special = [0, -0, 1, -1, 88.8, -88.8, 89.4, -104, MAX, -MAX, Number.NaN, Infinity, -Infinity];
  return Float32Array.from([
    ...new Float32Array(patterns.buffer),
    ...[dense(-1, 1), dense(-20, 20), dense(-150, 150)].flatMap((part) => [...part]),
    ...special,
  ]);
}

/** Distance from the exact result in units of its last place. */
function ulps(got: number, exact: number): number {
  if (Number.isNaN(exact) || Number.isNaN(got))
    return Number.isNaN(exact) === Number.isNaN(got) ? 0 : Infinity;
  if (!Number.isFinite(Math.fround(exact)))
    return Math.abs(got) >= MAX && Math.sign(got) === Math.sign(exact) ? 0 : Infinity;
  if (!Number.isFinite(got)) return Math.abs(exact) > MAX * (1 - 2 ** -22) ? 1 : Infinity;
  return Math.abs(got - exact) / 2 ** Math.max(Math.floor(Math.log2(Math.abs(exact))) - 23, -149);
}

/** erfc in float64: its series near 0, its continued fraction farther out. */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2) {
    let sum = x;
    let term = x;
    for (let n = 1; n < 60; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let k = 150; k > 0; k--) fraction = k / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

const softplus = (x: number): number => (x > 20 ? x : Math.log1p(Math.exp(x)));
const gelu = (x: number): number => (x === -Infinity ? Number.NaN : 0.5 * x * erfc(-x * Math.SQRT1_2));
/** x·σ(2u) as PyTorch's formula has it; −∞ gives ∞·0. */
function geluTanh(x: number): number {
  if (x === -Infinity) return Number.NaN;
  const u = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
  return x / (1 + Math.exp(-2 * u));
}

interface Row {
  readonly run: (x: Tensor) => Tensor;
  readonly exact: (x: number) => number;
  /** Allowed anywhere, in absolute terms: what a cancellation or a subnormal factor leaves. */
  readonly absolute?: (x: number) => number;
}

const subnormal = () => 2 ** -126;
/** Half an ulp of 1 + erf, or 1 + tanh, as in PyTorch. */
const cancelled = (x: number) => Math.abs(x) * 2 ** -24;

const ROWS: Record<string, Row> = {
  tan: { run: (x) => x.tan(), exact: Math.tan },
  asin: { run: (x) => x.asin(), exact: Math.asin },
  acos: { run: (x) => x.acos(), exact: Math.acos },
  sinh: { run: (x) => x.sinh(), exact: Math.sinh },
  cosh: { run: (x) => x.cosh(), exact: Math.cosh },
  asinh: { run: (x) => x.asinh(), exact: Math.asinh },
  acosh: { run: (x) => x.acosh(), exact: Math.acosh },
  atanh: { run: (x) => x.atanh(), exact: Math.atanh },
  exp2: { run: (x) => x.exp2(), exact: (x) => 2 ** x },
  log2: { run: (x) => x.log2(), exact: Math.log2 },
  log10: { run: (x) => x.log10(), exact: Math.log10 },
  erfc: { run: (x) => x.erfc(), exact: erfc, absolute: () => 2 ** -23 },
  softplus: { run: (x) => functional.softplus(x), exact: softplus },
  logsigmoid: { run: (x) => functional.logsigmoid(x), exact: (x) => -softplus(-x) },
  silu: { run: (x) => functional.silu(x), exact: (x) => x / (1 + Math.exp(-x)), absolute: subnormal },
  gelu: { run: (x) => functional.gelu(x), exact: gelu, absolute: cancelled },
  'gelu tanh': {
    run: (x) => functional.gelu(x, { approximate: 'tanh' }),
    exact: geluTanh,
    absolute: cancelled,
  },
};

describe('float32 within 4 ulp of float64', () => {
  const xs = samples();
  test.each(Object.entries(ROWS))('%s', async (name, { run, exact, absolute = () => 0 }) => {
    const results = (await run(tensor(xs)).data()) as Float32Array;
    let worst = 0;
    let where = '';
    results.forEach((got, i) => {
      const x = xs[i]!;
      const expected = exact(x);
      const error = Math.abs(got - expected) <= absolute(x) ? 0 : ulps(got, expected);
      if (error <= worst) return;
      worst = error;
      where = `${name}(${x}) = ${got}, expected ${expected}`;
    });
    expect(worst, where).toBeLessThanOrEqual(4);
  });

  test('gelu keeps all digits but on the negative side', async () => {
    const above = xs.filter((x) => x > -1);
    const results = (await functional.gelu(tensor(above)).data()) as Float32Array;
    const worst = results.reduce((most, got, i) => Math.max(most, ulps(got, gelu(above[i]!))), 0);
    expect(worst).toBeLessThanOrEqual(4);
  });
});
