import type { Tensor } from '@neurite/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../src/index.js';
import { expectValues, gradientOf, useReference, values, variable, vector } from './support.js';

const F = nn.functional;
beforeAll(useReference);

const sigma = (x: number): number => 1 / (1 + Math.exp(-x));
/** erf by the series whose terms all have one sign. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 300; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
const phi = (x: number): number => 0.5 * (1 + erf(x / Math.SQRT2));
const tanhGelu = (x: number): number =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const softplus = (x: number): number => Math.log1p(Math.exp(x));
const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
const LAMBDA = 1.0507009873554805;
const ALPHA = 1.6732632423543772;

interface Case {
  readonly fn: (x: Tensor) => Tensor;
  readonly module: nn.Module;
  readonly formula: (x: number) => number;
  /** Gradients at the points where the formula has none of its own: PyTorch's choice. */
  readonly kinks?: Readonly<Record<string, number>>;
}

const CASES: Readonly<Record<string, Case>> = {
  identity: { fn: F.identity, module: new nn.Identity(), formula: (x) => x },
  sigmoid: { fn: F.sigmoid, module: new nn.Sigmoid(), formula: sigma },
  tanh: { fn: F.tanh, module: new nn.Tanh(), formula: Math.tanh },
  relu: { fn: F.relu, module: new nn.ReLU(), formula: (x) => Math.max(x, 0), kinks: { 0: 0 } },
  relu6: { fn: F.relu6, module: new nn.ReLU6(), formula: (x) => clamp(x, 0, 6), kinks: { 0: 0, 6: 0 } },
  leakyRelu: {
    fn: (x) => F.leakyRelu(x),
    module: new nn.LeakyReLU(),
    formula: (x) => (x > 0 ? x : 0.01 * x),
    kinks: { 0: 0.01 },
  },
  'leakyRelu 0.2': {
    fn: (x) => F.leakyRelu(x, 0.2),
    module: new nn.LeakyReLU({ negativeSlope: 0.2 }),
    formula: (x) => (x > 0 ? x : 0.2 * x),
    kinks: { 0: 0.2 },
  },
  prelu: {
    fn: (x) => F.prelu(x, vector(0.25)),
    module: new nn.PReLU({ dtype: 'float64' }),
    formula: (x) => (x > 0 ? x : 0.25 * x),
    kinks: { 0: 0.25 },
  },
  elu: {
    fn: (x) => F.elu(x),
    module: new nn.ELU(),
    formula: (x) => (x > 0 ? x : Math.expm1(x)),
    kinks: { 0: 1 },
  },
  'elu 2': {
    fn: (x) => F.elu(x, { alpha: 2 }),
    module: new nn.ELU(2),
    formula: (x) => (x > 0 ? x : 2 * Math.expm1(x)),
    kinks: { 0: 2 },
  },
  selu: {
    fn: F.selu,
    module: new nn.SELU(),
    formula: (x) => LAMBDA * (x > 0 ? x : ALPHA * Math.expm1(x)),
    kinks: { 0: LAMBDA * ALPHA },
  },
  'celu 2': {
    fn: (x) => F.celu(x, 2),
    module: new nn.CELU(2),
    formula: (x) => (x > 0 ? x : 2 * Math.expm1(x / 2)),
    kinks: { 0: 1 },
  },
  gelu: { fn: (x) => F.gelu(x), module: new nn.GELU(), formula: (x) => x * phi(x) },
  'gelu tanh': {
    fn: (x) => F.gelu(x, { approximate: 'tanh' }),
    module: new nn.GELU('tanh'),
    formula: tanhGelu,
  },
  silu: { fn: F.silu, module: new nn.SiLU(), formula: (x) => x * sigma(x) },
  mish: { fn: F.mish, module: new nn.Mish(), formula: (x) => x * Math.tanh(softplus(x)) },
  softplus: { fn: (x) => F.softplus(x), module: new nn.Softplus(), formula: softplus },
  'softplus 3': {
    fn: (x) => F.softplus(x, 3, 4),
    module: new nn.Softplus(3, 4),
    formula: (x) => (3 * x > 4 ? x : softplus(3 * x) / 3),
  },
  softsign: {
    fn: F.softsign,
    module: new nn.Softsign(),
    formula: (x) => x / (1 + Math.abs(x)),
    kinks: { 0: 1 },
  },
  hardtanh: {
    fn: (x) => F.hardtanh(x),
    module: new nn.Hardtanh(),
    formula: (x) => clamp(x, -1, 1),
    kinks: { '-1': 0, 1: 0 },
  },
  hardsigmoid: {
    fn: F.hardsigmoid,
    module: new nn.Hardsigmoid(),
    formula: (x) => clamp(x + 3, 0, 6) / 6,
    kinks: { '-3': 0, 3: 0 },
  },
  hardswish: {
    fn: F.hardswish,
    module: new nn.Hardswish(),
    formula: (x) => (x * clamp(x + 3, 0, 6)) / 6,
    kinks: { '-3': -0.5, 3: 1.5 },
  },
  logsigmoid: { fn: F.logsigmoid, module: new nn.LogSigmoid(), formula: (x) => Math.log(sigma(x)) },
  threshold: {
    fn: (x) => F.threshold(x, 0.5, -7),
    module: new nn.Threshold(0.5, -7),
    formula: (x) => (x > 0.5 ? x : -7),
    kinks: { 0.5: 0 },
  },
  tanhshrink: { fn: F.tanhshrink, module: new nn.Tanhshrink(), formula: (x) => x - Math.tanh(x) },
  softshrink: {
    fn: (x) => F.softshrink(x),
    module: new nn.Softshrink(),
    formula: (x) => Math.sign(x) * Math.max(Math.abs(x) - 0.5, 0),
    kinks: { 0.5: 0, '-0.5': 0 },
  },
  hardshrink: {
    fn: (x) => F.hardshrink(x),
    module: new nn.Hardshrink(),
    formula: (x) => (Math.abs(x) <= 0.5 ? 0 : x),
    kinks: { 0.5: 0, '-0.5': 0 },
  },
};

const POINTS = [-6.5, -3, -1.7, -1, -0.5, -0.3, 0, 0.2, 0.5, 1, 1.4, 3, 6, 7.5];

/** The derivative by a five-point difference, error about 1e-9. */
function slope(f: (x: number) => number, x: number): number {
  const h = 1e-3;
  return (f(x - 2 * h) - 8 * f(x - h) + 8 * f(x + h) - f(x + 2 * h)) / (12 * h);
}

describe.each(Object.entries(CASES))('%s', (_, { fn, module, formula, kinks = {} }) => {
  it('has the values of its formula', async () => {
    await expectValues(fn(vector(...POINTS)), POINTS.map(formula), 12);
    await expectValues(module(vector(...POINTS)), POINTS.map(formula), 12);
  });

  it('has its derivative as gradient, and PyTorch’s choice at the kinks', async () => {
    const expected = POINTS.map((x) => (String(x) in kinks ? kinks[String(x)] : slope(formula, x)));
    await expectValues(gradientOf(fn, variable(POINTS)), expected, 8);
  });

  it('keeps its gradient finite far out, and hands NaN on', async () => {
    const gradient = await values(gradientOf(fn, variable([-1000, -100, 100, 1000], 'float32')));
    expect(gradient.every(Number.isFinite), String(gradient)).toBe(true);
    const [got] = await values(fn(vector(Number.NaN)));
    const swallowsNaN = ['threshold', 'softshrink'].some((name) => _.startsWith(name));
    if (!swallowsNaN) expect(got).toBeNaN();
  });
});

describe('constants', () => {
  it('are those of the papers, at full precision', () => {
    expect(F.SELU_SCALE).toBe(LAMBDA);
    expect(F.SELU_ALPHA).toBe(ALPHA);
  });
});

describe('prelu', () => {
  it('has one slope per channel and a gradient for it', async () => {
    const weight = variable([0.1, 0.5]);
    const x = variable([
      [-1, -2],
      [3, -4],
    ]);
    const y = F.prelu(x, weight);
    await expectValues(y, [-0.1, -1, 3, -2]);
    y.sum().backward();
    await expectValues(weight.grad, [-1, -6]);
    await expectValues(x.grad, [0.1, 0.5, 1, 0.5]);
  });

  // PyTorch gives weight.grad = −2 here.
  it('keeps an infinite element out of the gradient of the slope', async () => {
    const weight = variable([0.25]);
    F.prelu(variable([Number.POSITIVE_INFINITY, -2, 3]), weight)
      .sum()
      .backward();
    await expectValues(weight.grad, [-2]);
  });

  it('takes [N, C, L] with the channels in dimension 1', async () => {
    const y = F.prelu(
      variable([
        [
          [-1, -1, -1],
          [-1, -1, -1],
        ],
      ]),
      vector(0.1, 0.5),
    );
    await expectValues(y, [-0.1, -0.1, -0.1, -0.5, -0.5, -0.5]);
  });
});

describe('softmax family', () => {
  const x = [1, 2, 3];
  const total = x.reduce((sum, v) => sum + Math.exp(v), 0);

  it('normalises along a dimension', async () => {
    await expectValues(
      F.softmax(vector(...x), 0),
      x.map((v) => Math.exp(v) / total),
      12,
    );
    await expectValues(
      F.logSoftmax(vector(...x), 0),
      x.map((v) => v - Math.log(total)),
      12,
    );
    await expectValues(
      F.softmin(vector(...x), 0),
      [...x].reverse().map((v) => Math.exp(v) / total),
      12,
    );
    await expectValues(
      new nn.Softmax({ dim: -1 })(vector(...x)),
      x.map((v) => Math.exp(v) / total),
      12,
    );
    await expectValues(
      new nn.LogSoftmax(0)(vector(...x)),
      x.map((v) => v - Math.log(total)),
      12,
    );
  });

  it('stays finite for large logits', async () => {
    await expectValues(F.logSoftmax(vector(1000, 0), 0), [0, -1000]);
    await expectValues(
      gradientOf((t) => F.logSoftmax(t, 0).select(0, 1), variable([1000, 0])),
      [-1, 1],
    );
  });

  it('chooses PyTorch’s implicit dimension', async () => {
    const y = F.softmax(
      variable([
        [
          [1, 5],
          [1, 5],
        ],
        [
          [1, 5],
          [1, 5],
        ],
      ]),
    );
    await expectValues(y, Array(8).fill(0.5));
  });

  it('glu gates one half by the other', async () => {
    await expectValues(F.glu(vector(1, 2, 0, 1)), [0.5, 2 * sigma(1)]);
    expect(() => F.glu(vector(1, 2, 3))).toThrow(/glu: dimension -1 of \[3\] has 3 elements/);
  });
});

describe('rrelu', () => {
  it('is leaky ReLU with the mean slope in evaluation', async () => {
    await expectValues(F.rrelu(vector(-4, 2), 0.25, 0.75), [-2, 2]);
    const layer = new nn.RReLU(0.1, 0.3);
    const [negative, positive] = await values(layer(vector(-1, 1)));
    expect(negative).toBeGreaterThan(-0.3);
    expect(negative).toBeLessThan(-0.1);
    expect(positive).toBe(1);
  });
});

describe('arguments', () => {
  it('are given by position or by name, and nothing else', () => {
    const x = vector(1);
    expect(() => F.leakyRelu(x, { slope: 1 } as never)).toThrow(
      /leakyRelu: unknown option 'slope', known are negativeSlope/,
    );
    expect(() => F.elu(x, ...([1, 2] as never))).toThrow(/elu: got 2 optional arguments, takes at most 1/);
  });
});
